"""Audio files and the disk: read whole, written whole or not at all."""

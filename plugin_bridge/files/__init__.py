"""Audio files: reading, writing and resampling."""

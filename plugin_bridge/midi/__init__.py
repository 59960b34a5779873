"""MIDI: bytes to events, maps, files and ports."""

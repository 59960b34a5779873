"""MIDI: from bytes to events, maps, files and ports."""

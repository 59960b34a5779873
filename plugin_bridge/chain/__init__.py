"""Singers beside effects: stages, chains and presets of pedalboard scripts."""

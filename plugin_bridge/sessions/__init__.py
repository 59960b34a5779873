"""Recorded live sessions: their format, written and read."""

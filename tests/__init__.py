"""The tests, room by room; `python -m tests` runs every check there is."""

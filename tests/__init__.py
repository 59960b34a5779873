"""The tests, room by room; `python -m tests` runs the checks."""

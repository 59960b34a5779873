"""The engine live."""

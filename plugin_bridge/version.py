"""The version, which anything may name."""

__version__ = "0.2.0"

"""A melody with words in, sung audio out."""

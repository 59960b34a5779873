"""A file or a session in, a file out."""

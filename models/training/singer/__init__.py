"""Training of the singer."""

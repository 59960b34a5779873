"""Training of the melody network."""

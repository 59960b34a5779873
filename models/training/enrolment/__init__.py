"""Training of the network that all voices share, and of a new singer upon it from half a minute."""

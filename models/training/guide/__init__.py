"""The training of the guide singer: songs that are made up, pairs of backing and voice, and its networks."""

"""A database of pairs of an accompaniment and the vocal that goes with it, in clips of 10 s."""

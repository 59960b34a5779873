"""The models of the paper "Generation of vocals for accompanying music": spectrograms out of spectrograms."""

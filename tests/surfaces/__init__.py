"""The files for control surfaces in examples/surfaces: what they say, and the programs that read them."""

"""Sound blocks that need numpy only: pitch, spectrum, filters, oscillators, synthesizers."""

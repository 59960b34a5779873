"""Sound blocks that need numpy and FFTW only: pitch, spectrum, filters, oscillators, synthesizers."""

"""Training of the melody extractor."""

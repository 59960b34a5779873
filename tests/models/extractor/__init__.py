"""The tests of the melody extractor."""

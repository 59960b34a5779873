"""Tests of the melody network."""

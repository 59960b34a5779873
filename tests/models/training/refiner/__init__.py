"""Tests of `models/training/refiner`."""

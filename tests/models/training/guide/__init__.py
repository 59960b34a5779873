"""Tests of the training of the guide singer."""

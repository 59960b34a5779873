"""Tests of the guide singer."""

"""Tests of how good a conversion or a pitch tracker is."""

"""Tests of the room `dsp`."""

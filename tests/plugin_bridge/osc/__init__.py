"""Tests of the OSC server."""

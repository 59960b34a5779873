"""Tests of the room `plugin_bridge`."""

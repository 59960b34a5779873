"""The plug-in for DAWs: built, and played in real hosts."""

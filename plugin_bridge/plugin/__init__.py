"""The plug-in for DAWs: a thin shell in C++, and the engine that it talks to, in a process of its own."""

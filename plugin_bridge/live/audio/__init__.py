"""The audio process: a device, its rings and the engine thread."""

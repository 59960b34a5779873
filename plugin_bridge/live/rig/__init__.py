"""The control process: supervises the audio process and is what control surfaces talk to."""

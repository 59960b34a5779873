"""The control process: keeps an audio process alive and speaks for it."""

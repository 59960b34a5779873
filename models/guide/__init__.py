"""The guide singer: listens to a backing track and writes a melody that fits it."""

"""The singer embedding: who is heard, as a vector that is near for recordings of one singer."""

"""The melody extractor on a self-supervised encoder: the melody of a voice, alone or under music."""

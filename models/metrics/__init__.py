"""How good a conversion is, in figures and pictures: pure functions of audio, most from the extra `eval`."""

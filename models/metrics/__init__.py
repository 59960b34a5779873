"""How good a conversion is: pure functions of audio, most of them from the extra `eval`."""

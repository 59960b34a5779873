"""The OSC address table and what its values do."""

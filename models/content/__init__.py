"""The content encoder: what is sung, the same for every singer."""

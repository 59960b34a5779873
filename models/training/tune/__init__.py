"""Train TUNe, multi-timescale encoders of waves or frames, by contrast (Vélez Vásquez and Burgoyne 2022)."""

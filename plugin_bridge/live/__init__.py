"""The engine live: its own process, the drivers that give it time, and the control surfaces that move it."""

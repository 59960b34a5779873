"""Drivers: what gives the live engine its time and moves its samples; a module each."""

"""The refiner at run time: what a singer file says of it, and the noise that it starts from."""

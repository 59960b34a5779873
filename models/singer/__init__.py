"""The singer file and its run time."""

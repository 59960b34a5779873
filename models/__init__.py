"""Estimator networks: the singer file and its run time; training, export and evaluation with torch."""

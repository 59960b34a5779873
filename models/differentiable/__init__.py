"""Kernels of dsp in torch."""

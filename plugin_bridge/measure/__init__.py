"""How good and how fast: evaluations and benchmarks."""

"""Measurements: `python -m benchmarks NAME` prints one JSON line per figure (design §7)."""

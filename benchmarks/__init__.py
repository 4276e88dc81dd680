"""Measurements. Each program prints a table and ends with a line a goal; `python -m benchmarks` runs them all."""

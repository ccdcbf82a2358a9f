"""The parts of `benchmarks/filters.py`: damage to plant."""

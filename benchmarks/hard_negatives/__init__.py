"""What `benchmarks/mining.py` measures, a module for each kind of row."""

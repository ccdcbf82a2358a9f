"""The parts of `benchmarks/release.py`: records, changes, layouts, uploads, and what is printed."""

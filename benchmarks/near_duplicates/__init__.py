"""The parts of `benchmarks/dedup.py`: corpus, truth, contenders, runs, scores, report."""

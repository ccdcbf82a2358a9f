"""What the benchmark of the trainer is made of."""

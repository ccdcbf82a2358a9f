"""The decoder backbone: a Qwen3-style transformer, nested in rank, depth and dimension."""

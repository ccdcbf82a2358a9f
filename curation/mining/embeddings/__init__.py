"""Vectors that are made once: the store of what teachers said."""

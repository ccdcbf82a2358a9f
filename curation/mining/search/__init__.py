"""Exact search for the nearest vectors."""

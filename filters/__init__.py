"""Text filters and pair filters: score, direction, threshold, reason."""

"""Hard negatives: near to the query, and not right."""

from curation.mining.dense import mine_hard_negatives

__all__ = ["mine_hard_negatives"]

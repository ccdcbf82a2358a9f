"""The bag-of-subwords backbone of the smoke model."""

from curation.training.bag.encoder import BagEncoder

__all__ = ["BagEncoder"]

"""What training minimises, and what it must not push apart."""

from curation.training.losses.masks import forbidden
from curation.training.losses.nested import dimension_weights, nested_loss

__all__ = ["dimension_weights", "forbidden", "nested_loss"]

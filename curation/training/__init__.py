"""The bundled 3D-ML smoke model: small enough to train inside a gate, nested in dimension, depth and rank.

Importing this package loads torch; whoever may not need the model imports it where it is used.
"""

from curation.training.smoke import Prepared, TrainedModel, prepare, train_smoke

__all__ = ["Prepared", "TrainedModel", "prepare", "train_smoke"]

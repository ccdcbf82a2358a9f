"""Are the classes that people see also there in the vectors? Two small probes, without a learner that could fail."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curation.training.evaluation.encoder import Float32s
from curation.training.evaluation.pairs import Bools, Int64s

_STARTS, _ROUNDS = 4, 50

Float64s = npt.NDArray[np.float64]


def nearest_centroid(examples: Float32s, classes: Int64s, vectors: Float32s) -> Int64s:
    """Return the class whose mean example is nearest by cosine to each vector (Rocchio's classifier), int64 (m,).

    Args:
        examples: float32 (n, d), at least one.
        classes: int64 (n,), class of each.
        vectors: float32 (m, d).
    """
    known, members = np.unique(classes, return_inverse=True)
    centroids = _unit(_means(_unit(examples), members, len(known)))
    return np.asarray(known[np.argmax(_unit(vectors) @ centroids.T, axis=1)])


def cluster(vectors: Float32s, count: int, *, seed: int) -> Int64s:
    """Return the cluster of each vector, int64 (n,): k-means on the unit sphere, the best of four starts.

    Args:
        vectors: float32 (n, d).
        count: number of clusters, at most n.
        seed: of the starts, which are drawn far from each other (Arthur and Vassilvitskii 2007).
    """
    points, random = _unit(vectors), np.random.default_rng(seed)
    runs = [_run(points, _start(points, count, random)) for _ in range(_STARTS)]
    return max(runs, key=lambda run: run[1])[0]


def v_measure(classes: Int64s, clusters: Int64s) -> float:
    """Return the harmonic mean of homogeneity and completeness (Rosenberg and Hirschberg 2007), 0 to 1."""
    table = np.zeros((classes.max() + 1, clusters.max() + 1))
    np.add.at(table, (classes, clusters), 1 / len(classes))
    of_class, of_cluster, joint = (_entropy(part) for part in (table.sum(axis=1), table.sum(axis=0), table.ravel()))
    shared = of_class + of_cluster - joint
    homogeneity = shared / of_class if of_class else 1.0
    completeness = shared / of_cluster if of_cluster else 1.0
    total = homogeneity + completeness
    return float(np.clip(2 * homogeneity * completeness / total, 0, 1)) if total > 0 else 0.0


def _entropy(shares: Float64s) -> float:
    there = shares[shares > 0]
    return float(-(there * np.log(there)).sum())


def _run(points: Float64s, centroids: Float64s) -> tuple[Int64s, float]:
    """Return the clusters, and the sum of the cosines to their centroids."""
    homes = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        cosines = points @ centroids.T
        nearest = np.argmax(cosines, axis=1)
        if (nearest == homes).all():
            break
        homes = nearest
        means = _unit(_means(points, homes, len(centroids)))
        # A cluster that has lost its last member stays where it was.
        centroids = np.where(_filled(homes, len(centroids))[:, None], means, centroids)
    return homes.astype(np.int64), float(cosines.max(axis=1).sum())


def _start(points: Float64s, count: int, random: np.random.Generator) -> Float64s:
    chosen = [int(random.integers(len(points)))]
    for _ in range(count - 1):
        distance = np.clip(1 - points @ points[chosen].T, 0, None).min(axis=1)
        distance[chosen] = 0
        total = distance.sum()
        shares = distance / total if total > 0 else None
        chosen.append(int(random.choice(len(points), p=shares)))
    return np.asarray(points[chosen])


def _filled(homes: Int64s, count: int) -> Bools:
    return np.asarray(np.bincount(homes, minlength=count) > 0)


def _means(points: Float64s, members: Int64s, count: int) -> Float64s:
    sums = np.zeros((count, points.shape[1]))
    np.add.at(sums, members, points)
    return np.asarray(sums / np.maximum(np.bincount(members, minlength=count), 1)[:, None])


def _unit(vectors: npt.NDArray[np.floating]) -> Float64s:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float64)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0))

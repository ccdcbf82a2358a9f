"""Probes on points that are easy to tell apart, and on those that are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.training.evaluation.probes import cluster, nearest_centroid, v_measure


def blobs(classes: int, each: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    points = np.eye(16)[labels] + noise * random.normal(size=(classes * each, 16))
    return points.astype(np.float32), labels


def test_classes_apart_are_told_apart() -> None:
    points, labels = blobs(5, 40, 0.1)
    others, truth = blobs(5, 10, 0.1, seed=1)
    assert (nearest_centroid(points, labels, others) == truth).all()
    assert v_measure(labels, cluster(points, 5, seed=3)) == pytest.approx(1)


def test_noise_is_no_better_than_chance() -> None:
    points, labels = blobs(4, 50, 0.0)
    noise = np.random.default_rng(2).normal(size=points.shape).astype(np.float32)
    found = nearest_centroid(noise[:100], labels[::2], noise[100:])
    assert np.mean(found == labels[1::2]) < 0.5
    assert v_measure(labels, cluster(noise, 4, seed=0)) < 0.2


def test_the_length_of_a_vector_says_nothing() -> None:
    points, labels = blobs(3, 20, 0.1)
    longer = points * np.random.default_rng(1).uniform(0.01, 100, size=(len(points), 1)).astype(np.float32)
    assert (nearest_centroid(points, labels, longer) == labels).all()
    assert v_measure(labels, cluster(longer, 3, seed=0)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("classes", "clusters", "expected"),
    [
        ([0, 0, 1, 1], [1, 1, 0, 0], 1),
        ([0, 0, 1, 1], [0, 0, 0, 0], 0),
        ([0, 0, 1, 1], [0, 1, 0, 1], 0),
        # Homogeneous, but complete by half: H = 1, C = 1/2.
        ([0, 0, 1, 1], [0, 1, 2, 3], 2 / 3),
        ([0, 1, 2, 3], [0, 0, 1, 1], 2 / 3),
        ([0, 0], [0, 0], 1),
    ],
)
def test_v_measure_by_hand(classes: list[int], clusters: list[int], expected: float) -> None:
    assert v_measure(np.array(classes), np.array(clusters)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_v_measure_is_symmetric_and_blind_to_names(pairs: list[tuple[int, int]]) -> None:
    classes, clusters = (np.array(side) for side in zip(*pairs, strict=True))
    value = v_measure(classes, clusters)
    assert 0 <= value <= 1
    assert value == pytest.approx(v_measure(clusters, classes), abs=1e-9)
    assert value == pytest.approx(v_measure(4 - classes, clusters), abs=1e-9)


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 20))
def test_clusters_are_within_bounds_and_the_same_each_time(seed: int, size: int, count: int) -> None:
    points = np.random.default_rng(seed).integers(0, 2, size=(max(size, count), 4)).astype(np.float32)
    found = cluster(points, count, seed=seed)
    assert found.shape == (len(points),)
    assert 0 <= found.min() <= found.max() < count
    np.testing.assert_array_equal(found, cluster(points, count, seed=seed))

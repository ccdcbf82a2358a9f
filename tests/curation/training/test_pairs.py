"""What is read for training, the batches, and the control with shuffled positives."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.config.training import Training
from curation.errors import ReleaseError
from curation.release import Release
from curation.text import fold
from curation.training.pairs import TrainingPairs, load_pairs
from curation.training.ragged import Ragged


def pairs_of(*sizes: int) -> TrainingPairs:
    """Pairs of sources of these sizes, texts left out."""
    rows = np.arange(sum(sizes))
    parts = tuple(np.split(rows, np.cumsum(sizes)[:-1]))
    return TrainingPairs(Ragged.of([]), rows, rows, np.zeros((len(rows), 0), np.int64), rows, parts)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.integers(2, 50),
    st.integers(0, 10_000),
    st.integers(0, 2**32 - 1),
)
def test_a_batch_is_of_one_source_and_a_function_of_seed_and_step(
    sizes: list[int], size: int, step: int, seed: int
) -> None:
    pairs = pairs_of(*sizes)
    batch = pairs.batch(step, size=size, seed=seed)
    owners = [index for index, rows in enumerate(pairs.sources) if np.isin(batch, rows).all()]
    assert len(owners) == 1
    assert len(set(batch.tolist())) == len(batch) == min(size, sizes[owners[0]])
    assert np.array_equal(batch, pairs.batch(step, size=size, seed=seed))


def test_batches_differ_by_step_and_by_seed() -> None:
    pairs = pairs_of(1_000)
    batches = [pairs.batch(step, size=20, seed=seed) for step in range(5) for seed in range(5)]
    assert len({batch.tobytes() for batch in batches}) == len(batches)


def test_sources_are_drawn_by_size() -> None:
    pairs = pairs_of(900, 100)
    large = sum(int(pairs.batch(step, size=5, seed=1)[0]) < 900 for step in range(1_000))
    # Binomial: 900 expected, standard deviation 9.5.
    assert 850 < large < 950


@pytest.fixture(scope="module")
def loaded(release: Release, options: Training, cache: Path) -> TrainingPairs:
    return load_pairs(release, options, seed=5, cache=cache)[0]


@pytest.fixture(scope="module")
def shuffled(release: Release, options: Training, cache: Path) -> TrainingPairs:
    return load_pairs(release, options, seed=5, cache=cache, shuffle_positives=True)[0]


@pytest.fixture(scope="module")
def table(release: Release) -> pa.Table:
    return release.read("full", split="train")


def test_equal_texts_have_equal_numbers(loaded: TrainingPairs, table: pa.Table) -> None:
    numbers = np.concatenate([loaded.anchors, loaded.positives, loaded.negatives[:, 0]])
    texts = [text for name in ("anchor", "positive", "negative_1") for text in fold(table[name]).to_pylist()]
    assert len(set(zip(numbers.tolist(), texts, strict=True))) == len(set(texts)) == len(loaded.texts)
    assert loaded.negatives.shape == (table.num_rows, 1)
    groups = table["group"].to_pylist()
    assert len(set(zip(loaded.groups.tolist(), groups, strict=True))) == len(set(groups))


def test_sources_are_told_apart(loaded: TrainingPairs, table: pa.Table) -> None:
    names = np.array(table["source"].to_pylist())
    assert [set(names[rows].tolist()) for rows in loaded.sources] == [{name} for name in sorted(set(names.tolist()))]
    assert sum(map(len, loaded.sources)) == table.num_rows


@pytest.mark.parametrize(("wanted", "found"), [(0, 0), (2, 2), (3, 3), (9, 3)])
def test_no_more_negatives_than_there_are(
    release: Release, options: Training, cache: Path, table: pa.Table, wanted: int, found: int
) -> None:
    changed = options.model_copy(update={"negatives": wanted})
    assert load_pairs(release, changed, seed=5, cache=cache)[0].negatives.shape == (table.num_rows, found)


def test_no_more_pairs_than_the_steps_can_see(release: Release, options: Training, cache: Path) -> None:
    small = options.model_copy(update={"steps": 3, "batch_size": 20})
    one, other = (load_pairs(release, small, seed=seed, cache=cache)[0] for seed in (1, 2))
    assert len(one.anchors) == len(other.anchors) == 60
    assert not np.array_equal(one.texts.tokens, other.texts.tokens)


def test_shuffled_positives_keep_source_and_language(
    loaded: TrainingPairs, shuffled: TrainingPairs, table: pa.Table
) -> None:
    strata = list(zip(table["source"].to_pylist(), table["language"].to_pylist(), strict=True))
    before, after = defaultdict(Counter), defaultdict(Counter)
    for row, stratum in enumerate(strata):
        before[stratum][int(loaded.positives[row]), int(loaded.negatives[row, 0])] += 1
        after[stratum][int(shuffled.positives[row]), int(shuffled.negatives[row, 0])] += 1
    assert before == after
    assert np.array_equal(loaded.anchors, shuffled.anchors)
    assert np.array_equal(loaded.groups, shuffled.groups)


def test_shuffled_positives_are_never_the_own(loaded: TrainingPairs, shuffled: TrainingPairs, table: pa.Table) -> None:
    strata = list(zip(table["source"].to_pylist(), table["language"].to_pylist(), strict=True))
    sizes = Counter(strata)
    rows = [row for row, stratum in enumerate(strata) if sizes[stratum] > 1]
    assert len(rows) > 0.9 * table.num_rows
    # Two records with one positive text can swap it; a positive that stands once cannot come back.
    counts = Counter(loaded.positives.tolist())
    single = [row for row in rows if counts[int(loaded.positives[row])] == 1]
    assert len(single) > 0.9 * len(rows)
    assert (loaded.positives[single] != shuffled.positives[single]).all()


def test_names_of_the_negatives_come_from_one_schema(
    release: Release, options: Training, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files without provenance are not read at all."""
    read: list[str] = []
    original = pq.ParquetFile

    def spy(path: Path) -> pq.ParquetFile:
        read.append(path.relative_to(release.path).parts[0])
        return original(path)

    monkeypatch.setattr(pq, "ParquetFile", spy)
    load_pairs(release, options, seed=5, cache=cache)
    assert set(read) == {"full"}


def test_a_release_without_training_data(release: Release, options: Training, cache: Path) -> None:
    files = [entry for entry in release.manifest["files"] if "/train-" not in entry["path"]]
    without = Release(release.path, release.manifest | {"files": files}, release.digest)
    with pytest.raises(ReleaseError, match="no training data"):
        load_pairs(without, options, seed=0, cache=cache)

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
from curation.training.pairs import Batch, TrainingPairs, TrainingTexts, read_texts, shuffled_within
from curation.training.ragged import Ragged
from curation.training.smoke import prepare


def pairs_of(*sizes: int) -> TrainingPairs:
    """Pairs of sources of these sizes, texts left out."""
    rows = np.arange(sum(sizes))
    parts = tuple(np.split(rows, np.cumsum(sizes)[:-1]))
    return TrainingPairs(Ragged.of([]), rows, rows, np.zeros((len(rows), 0), np.int64), rows, parts, rows)


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
    owners = [index for index, rows in enumerate(pairs.sources) if np.isin(batch.anchors, rows).all()]
    assert len(owners) == 1
    assert len(set(batch.anchors.tolist())) == len(batch.anchors) == min(size, sizes[owners[0]])
    assert np.array_equal(batch.anchors, pairs.batch(step, size=size, seed=seed).anchors)


def test_batches_differ_by_step_and_by_seed() -> None:
    pairs = pairs_of(1_000)
    batches = [pairs.batch(step, size=20, seed=seed) for step in range(5) for seed in range(5)]
    assert len({batch.anchors.tobytes() for batch in batches}) == len(batches)


def test_sources_are_drawn_by_size() -> None:
    pairs = pairs_of(900, 100)
    large = sum(int(pairs.batch(step, size=5, seed=1).anchors[0]) < 900 for step in range(1_000))
    # Binomial: 900 expected, standard deviation 9.5.
    assert 850 < large < 950


@pytest.fixture(scope="module")
def loaded(release: Release, options: Training, cache: Path) -> TrainingPairs:
    return prepare(release, options, seed=5, cache=cache).pairs


@pytest.fixture(scope="module")
def shuffled(release: Release, options: Training, cache: Path) -> TrainingPairs:
    prepared = prepare(release, options, seed=5, cache=cache)
    return prepared.pairs.shuffled(prepared.texts.shuffled_order(seed=5))


@pytest.fixture(scope="module")
def table(release: Release) -> pa.Table:
    return release.read("full", split="train")


def test_equal_texts_have_equal_numbers(loaded: TrainingPairs, table: pa.Table) -> None:
    numbers = loaded.plain[np.concatenate([loaded.anchors, loaded.positives, loaded.negatives[:, 0]])]
    texts = [text for name in ("anchor", "positive", "negative_1") for text in fold(table[name]).to_pylist()]
    assert len(set(zip(numbers.tolist(), texts, strict=True))) == len(set(texts)) == len(set(loaded.plain.tolist()))
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
    assert prepare(release, changed, seed=5, cache=cache).pairs.negatives.shape == (table.num_rows, found)


def test_no_more_pairs_than_the_steps_can_see(release: Release, options: Training, cache: Path) -> None:
    small = options.model_copy(update={"steps": 3, "batch_size": 20})
    one, other = (prepare(release, small, seed=seed, cache=cache).pairs for seed in (1, 2))
    assert len(one.anchors) == len(other.anchors) == 60
    assert not np.array_equal(one.texts.tokens, other.texts.tokens)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**64 - 1)), min_size=1, max_size=60))
def test_shuffling_stays_in_the_stratum_and_moves_every_row(rows: list[tuple[int, int]]) -> None:
    strata, keys = np.array(rows, dtype=np.uint64).reshape(-1, 2).T
    order = shuffled_within(strata, keys)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert np.array_equal(strata[order], strata)
    alone = [int((strata == stratum).sum()) == 1 for stratum in strata]
    assert (order == np.arange(len(rows))).tolist() == alone


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
    read_texts(release, options, seed=5)
    assert set(read) == {"full"}


def test_a_release_without_training_data(release: Release, options: Training, cache: Path) -> None:
    files = [entry for entry in release.manifest["files"] if "/train-" not in entry["path"]]
    without = Release(release.path, release.manifest | {"files": files}, release.digest)
    with pytest.raises(ReleaseError, match="no training data"):
        read_texts(without, options, seed=0)


def test_a_batch_can_be_cut_into_parts() -> None:
    rows = np.arange(4)
    batch = Batch(rows, rows + 4, np.arange(8).reshape(4, 2) + 8, rows % 2, np.arange(16) % 10)
    assert batch.texts().tolist() == list(range(16))
    part = batch.take(slice(1, 3))
    assert part.texts().tolist() == [1, 2, 5, 6, 10, 11, 12, 13]
    anchors, positives, groups, negatives = part.numbers()
    assert (anchors.tolist(), positives.tolist(), groups.tolist()) == ([1, 2], [5, 6], [1, 0])
    assert negatives.tolist() == [[0, 1], [2, 3]]


def test_instructions_stand_before_the_anchors_and_do_not_count_as_text(
    release: Release, options: Training, table: pa.Table
) -> None:
    manifest = release.manifest | {
        "sources": {
            name: source | {"instruction": "Übersetze."} for name, source in release.manifest["sources"].items()
        }
    }
    instructed = Release(release.path, manifest, release.digest)
    texts = read_texts(instructed, options.model_copy(update={"instructions": True}), seed=5)
    anchors = texts.distinct.take(pa.array(texts.rows[0])).to_pylist()
    assert anchors == [f"Instruct: Übersetze.\nQuery: {text}" for text in table["anchor"].to_pylist()]
    plain = read_texts(release, options, seed=5)
    one, other = (np.equal.outer(each.plain[each.rows[0][:200]], each.plain[each.rows[1]]) for each in (texts, plain))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("positive", "negatives", "known"),
    [(0.75, [0.5, 0.25], True), (0.75, [0.5], False), (float("nan"), [0.5, 0.25], False), (0.75, [None, 0.25], False)],
)
def test_teacher_scores_are_known_where_no_row_lacks_one(
    positive: float, negatives: list[float | None], *, known: bool
) -> None:
    table = pa.table({"positive_score": [0.5, positive], "negative_scores": [[0.125, 0.0, 0.0], negatives]})
    texts = TrainingTexts(pa.array([], pa.string()), np.zeros(0, np.int64), np.zeros((0, 0), np.int64), table)
    scores = texts.teacher_scores(2)
    assert (scores is not None) == known
    if scores is not None:
        assert scores.tolist() == [[0.5, 0.125, 0.0], [0.75, 0.5, 0.25]]


def test_teacher_scores_are_read_where_they_are_wanted(release: Release, options: Training) -> None:
    wanted = options.model_copy(update={"distillation": 0.5})
    columns = [set(read_texts(release, each, seed=5).table.column_names) for each in (options, wanted)]
    assert columns[1] - columns[0] == {"positive_score", "negative_scores"}

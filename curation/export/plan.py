"""What an export will hold: a first pass over the release that reads no text."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.errors import ConfigError, ReleaseError
from curation.export.names import dataset_names
from curation.export.options import Options
from curation.export.shards import negative_columns, read_columns, shard_schema, verify_shard
from curation.release import Release, ReleaseFile, layout


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows of one source in one language and split.

    Attributes:
        name: its name in file names and registries.
        source: name of the source.
        language: `xxx_Xxxx`.
        split: `train`, `validation` or `test`.
        task: task type of its rows.
        instruction: what trainers put before its queries, or empty.
        licence: SPDX expression of the source.
        rows: its rows in the release.
        is_scored: whether every row has a score for its positive and each negative; known where a view asks.
    """

    name: str
    source: str
    language: str
    split: str
    task: str
    instruction: str
    licence: str
    rows: int
    is_scored: bool


@dataclass(frozen=True)
class Plan:
    """What is exported of a release.

    Attributes:
        release: the release; every shard that the plan names has been verified.
        options: what was asked for.
        splits: the splits that are exported.
        num_negatives: negatives of each row.
        datasets: all that are read, by language, split and source.
    """

    release: Release
    options: Options
    splits: tuple[str, ...]
    num_negatives: int
    datasets: tuple[Dataset, ...]

    @property
    def exported(self) -> tuple[Dataset, ...]:
        """The datasets of the exported splits."""
        return tuple(dataset for dataset in self.datasets if dataset.split in self.splits)

    def find(self, language: str, split: str, source: str) -> Dataset | None:
        """Return a dataset, or None where the rows are not wanted."""
        return self._by_key.get((language, split, source))

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The (language, split) that hold a dataset, in order."""
        return list(dict.fromkeys((dataset.language, dataset.split) for dataset in self.datasets))

    def __post_init__(self) -> None:
        found = {(dataset.language, dataset.split, dataset.source): dataset for dataset in self.datasets}
        object.__setattr__(self, "_by_key", found)

    _by_key: dict[tuple[str, str, str], Dataset] = field(init=False, repr=False, default_factory=dict)


@dataclass(slots=True)
class _Tally:
    rows: Counter[str] = field(default_factory=Counter)
    scored: Counter[str] = field(default_factory=Counter)
    tasks: dict[str, set[str]] = field(default_factory=dict)


def survey(release: Release, options: Options, *, splits: Sequence[str], read: Sequence[str], scores: bool) -> Plan:
    """Verify the shards that an export reads, and say which datasets they hold.

    Args:
        release: the release.
        options: which languages and sources are wanted.
        splits: the splits that are exported.
        read: the splits that are read.
        scores: find out which datasets have all scores.

    Raises:
        ReleaseError: if a shard is not what the manifest says, lacks a column, or mixes task types in a source.
        ConfigError: if the release has nothing of what is asked for.
    """
    files = _wanted_files(release, options, read)
    counts = {len(negative_columns(shard_schema(release, file))) for file in files}
    if len(counts) > 1:
        raise ReleaseError(
            "The shards of this release differ in their number of negatives",
            where=str(release.path),
            why=f"between {min(counts)} and {max(counts)}",
            hint=f"curate verify {release.path}",
        )
    num_negatives = counts.pop()
    tallies: dict[tuple[str, str], _Tally] = {}
    for file in files:
        verify_shard(release, file)
        shard = layout.parse_shard(file.path)
        assert shard is not None
        tally = tallies.setdefault((shard[1], shard[2]), _Tally())
        for batch in read_columns(release, file, _survey_columns(release, file, scores=scores)):
            _count(batch, tally, num_negatives)
    datasets = _datasets(release, options, tallies)
    if not any(dataset.split in splits for dataset in datasets):
        raise _nothing(release, options, splits)
    return Plan(release, options, tuple(splits), num_negatives, datasets)


def _wanted_files(release: Release, options: Options, read: Sequence[str]) -> list[ReleaseFile]:
    languages = options.languages or release.languages
    unknown = sorted(set(languages) - set(release.languages))
    if unknown:
        raise ConfigError(
            f"The release has no rows in {', '.join(unknown)}",
            where=str(release.path),
            hint=f"leave it out, or name some of {_some(release.languages)}",
        )
    files = [
        file
        for language in sorted(languages)
        for split in layout.SPLITS
        if split in read
        for file in release.shards("full", split=split, language=language)
    ]
    if not files:
        raise _nothing(release, options, read)
    return files


def _survey_columns(release: Release, file: ReleaseFile, *, scores: bool) -> list[str]:
    wanted = ["source", "task"]
    if scores and {"positive_score", "negative_scores"} <= set(shard_schema(release, file).names):
        wanted += ["positive_score", "negative_scores"]
    return wanted


def _count(batch: pa.RecordBatch, tally: _Tally, num_negatives: int) -> None:
    groups = pa.Table.from_batches([batch]).group_by("source").aggregate([([], "count_all"), ("task", "distinct")])
    for row in groups.to_pylist():
        tally.rows[row["source"]] += row["count_all"]
        tally.tasks.setdefault(row["source"], set()).update(row["task_distinct"])
    if "negative_scores" in batch.schema.names:
        complete = batch.column("source").filter(_is_scored(batch, num_negatives))
        tally.scored.update(dict(zip(*(part.to_pylist() for part in complete.value_counts().flatten()), strict=True)))


def _is_scored(batch: pa.RecordBatch, num_negatives: int) -> pa.Array:
    # A list may hold more than every row of the release has.
    lists = pc.list_slice(batch.column("negative_scores"), 0, num_negatives)
    finite = pc.fill_null(pc.is_finite(lists.flatten()), False)
    bad = pc.unique(pc.list_parent_indices(lists).filter(pc.invert(finite)))
    rows = pa.array(range(batch.num_rows), pc.list_parent_indices(lists).type)
    enough = pc.greater_equal(pc.list_value_length(lists), num_negatives)
    positive = pc.fill_null(pc.is_finite(batch.column("positive_score")), False)
    return pc.and_(pc.and_(enough, positive), pc.invert(pc.is_in(rows, bad)))


def _datasets(release: Release, options: Options, tallies: dict[tuple[str, str], _Tally]) -> tuple[Dataset, ...]:
    keys = [(source, language, split) for (language, split), tally in tallies.items() for source in tally.rows]
    unknown = sorted(set(options.sources) - {source for source, _, _ in keys})
    if unknown:
        raise ConfigError(
            f"The release has no rows of the source {unknown[0]!r} in what is exported",
            where=str(release.path),
            hint=f"its sources there are {_some({source for source, _, _ in keys})}",
        )
    # Named over all sources, so that a name does not change with what else is exported.
    names = dataset_names((source, language) for source, language, _ in keys)
    return tuple(
        _dataset(release, names[source, language], source, language, split, tallies[language, split])
        for language, split, source in sorted((language, split, source) for source, language, split in keys)
        if not options.sources or source in options.sources
    )


def _dataset(release: Release, name: str, source: str, language: str, split: str, tally: _Tally) -> Dataset:
    tasks = sorted(tally.tasks[source])
    if len(tasks) != 1:
        raise ReleaseError(
            f"The source {source!r} mixes task types in {language}",
            where=str(release.path),
            why=f"its rows are {', '.join(map(repr, tasks))}, and a dataset has one task type",
            hint=f"curate verify {release.path}",
        )
    declared = release.manifest["sources"].get(source, {})
    texts = {key: str(declared.get(key, "")) for key in ("instruction", "licence")}
    rows = tally.rows[source]
    return Dataset(name, source, language, split, tasks[0], **texts, rows=rows, is_scored=tally.scored[source] == rows)


def _nothing(release: Release, options: Options, splits: Iterable[str]) -> ConfigError:
    asked = {key: value for key, value in dataclasses.asdict(options).items() if key in ("languages", "sources")}
    filters = "; ".join(f"{key}: {', '.join(value)}" for key, value in asked.items() if value)
    wanted = " or ".join(splits)
    return ConfigError(
        f"There is nothing to export: the release has no rows in the split {wanted}"
        + (f" ({filters})" * bool(filters)),
        where=str(release.path),
        why=f"its splits are {', '.join(release.splits) or 'none'}",
        hint="name another one with --split, or make a release with, say, `split: {test: 0.05}`",
    )


def _some(values: Iterable[Any], greatest: int = 10) -> str:
    ordered = sorted(map(str, values))
    return ", ".join(ordered[:greatest]) + (f" and {len(ordered) - greatest} more" * (len(ordered) > greatest))

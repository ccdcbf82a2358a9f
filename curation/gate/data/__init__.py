"""Checks that look at the data alone: they see at once what no training run shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from curation.config.gate import Gate
from curation.config.model import Identify
from curation.gate.data.corpus import Corpus, read_corpus
from curation.gate.data.duplicates import check_near_duplicates
from curation.gate.data.identified import check_identified
from curation.gate.data.integrity import (
    Shard,
    check_counts,
    check_integrity,
    check_loads,
    check_nulls,
    check_schema,
    read_shards,
)
from curation.gate.data.labels import check_labels
from curation.gate.data.leaks import check_leaks
from curation.gate.data.near_leaks import check_near_leaks
from curation.gate.data.order import check_order
from curation.gate.data.provenance import check_licences, check_quarantine
from curation.gate.data.sides import check_sides
from curation.gate.data.texts import check_texts
from curation.gate.data.views import check_views
from curation.gate.data.voices import Voices, listen
from curation.gate.verdict import Check
from curation.release import Release

# Where one of these does not pass, most others would break in place of failing.
STRUCTURAL = ("data.integrity", "data.loads", "data.schema", "data.nulls")
# These are made all the same.
INDEPENDENT = (*STRUCTURAL, "data.counts", "data.quarantine", "data.licences")


def data_checks(release: Release, options: Gate) -> Iterator[tuple[str, Callable[[], list[Check]]]]:
    """Yield the name of each check with the function that makes it; the structural ones first."""

    @cache
    def shards() -> list[Shard]:
        return read_shards(release)

    # Read when the first check asks for it, and once: the corpus is most of the memory and a third of the time.
    @cache
    def corpus() -> Corpus:
        return read_corpus(release)

    @cache
    def voices() -> list[Voices]:
        rows = corpus().train
        return [] if rows is None else list(listen(corpus(), rows, Identify()))

    yield "data.integrity", lambda: [check_integrity(release)]
    yield "data.loads", lambda: [check_loads(shards())]
    yield "data.schema", lambda: [check_schema(shards())]
    yield "data.nulls", lambda: [check_nulls(shards())]
    yield "data.counts", lambda: [check_counts(release, shards())]
    yield "data.views", lambda: [check_views(corpus())]
    yield "data.texts", lambda: check_texts(corpus(), options)
    yield "data.near_duplicates", lambda: [check_near_duplicates(corpus(), options)]
    yield "data.leaks", lambda: check_leaks(corpus(), options)
    yield "data.near_leaks", lambda: check_near_leaks(corpus(), options)
    yield "data.labels", lambda: check_labels(corpus(), options)
    yield "data.identified", lambda: check_identified(voices(), options)
    yield "data.sides", lambda: check_sides(voices(), options)
    yield "data.word_order", lambda: check_order(corpus(), options)
    yield "data.quarantine", lambda: [check_quarantine(release, options)]
    yield "data.licences", lambda: [check_licences(release)]

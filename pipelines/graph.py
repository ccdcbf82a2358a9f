"""The graph of a run, written once: which stages there are, in which order, and what each depends on.

Everything here is glue: the decisions are in `curation` and `filters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curation import grouping, split
from curation.code import code_digest
from curation.config.balance import Balance
from curation.config.mining import LEXICAL, Mining
from curation.config.model import (
    Boilerplate,
    DatatroveFilter,
    Decontaminate,
    Dedup,
    Filters,
    Identify,
    RunConfig,
    Source,
    Split,
)
from curation.decontamination.sets import EvaluationInput, find_evaluation_sets
from curation.dedup import linking, verdicts
from curation.dedup.exact import exact_rows, judge_exact, merge_exact
from curation.dedup.index import write_parts
from curation.dedup.known import Known, drop_known, find_known
from curation.dedup.stage import apply_verdicts
from curation.grouping import linking as components
from curation.langid.model import identity, load
from curation.langid.stage import SourcePolicy, identify_records
from curation.ledger import empty_ledger, ledger_rows
from curation.mining.inputs import TeacherInputs, find_teachers
from curation.mining.policies import Policies
from curation.outcome import Outcome
from curation.quota.counts import count_rows, merge_counts, plan_quota
from curation.quota.selection import lots, preselect_rows, rank_lots, select_rows
from curation.records import RECORD_SCHEMA, make_records, rejected_records
from curation.release import Release, cutting, layout, open_release, recipe, shards
from curation.release.parent import find_parent
from curation.sources import Fingerprint, ReadBatch, SourceFile, fingerprint, list_files, read_file
from filters.boilerplate import boilerplate_rows, count_queries, drop_boilerplate
from filters.registry import score_versions
from filters.roles import Roles, declared_roles
from pipelines.routing import by_key, by_size
from pipelines.stages import (
    Embedder,
    EmbeddingStage,
    Graph,
    KeyedStage,
    LinkStage,
    MapStage,
    Piece,
    Round,
    Routes,
    ShuffleStage,
    SinkStage,
    SourceStage,
    Stage,
    Written,
)

if TYPE_CHECKING:
    from curation.mining.encoder import Encoder

# Rows beyond the quota that are mined, where a rule of mining drops records, and where only chance does.
_MORE, _LITTLE = 0.1, 0.01


def build_graph(config: RunConfig, inputs: Inputs, *, recipes: Sequence[str] = ()) -> Graph:
    """Return the graph of a config over the files of its sources.

    Args:
        config: the resolved config.
        inputs: its files.
        recipes: names of the sources whose texts must not be in the release.

    Raises:
        ConfigError: if it names a filter of datatrove that cannot be used as it says.
    """
    if config.filters.datatrove:
        from pipelines.documents import document_scores

        document_scores(config.filters.datatrove)
    trust = {source.name: source.trust for source in config.sources}
    pivot = config.release.pivot_language
    stages: list[Stage] = [Read(config.sources, inputs, pivot, config.engine.batch_rows), Distinct()]
    stages.append(IdentifyLanguages(config.identify, _policies(config), pivot))
    roles = declared_roles(config.sources)
    stages += [Score(config.filters.datatrove, roles), Filter(config.filters, roles)]
    if config.filters.boilerplate.max_queries is not None:
        stages.append(DropBoilerplate(config.filters.boilerplate))
    if config.dedup.exact:
        stages.append(ExactDedup(config.dedup, trust))
    if config.dedup.near:
        stages.append(NearDedup(config.dedup, trust))
    if inputs.known.releases:
        stages.append(DropKnown(config.dedup, inputs.known))
    if inputs.evaluation:
        stages.append(DropContaminated(config.decontaminate, inputs.evaluation))
    stages += [Group.of(config.split, config.dedup), AssignSplits(config.split, config.seed)]
    if config.mining.enabled:
        policies = Policies.of(config.sources, config.mining)
        if config.balance.is_bound:
            reserve = _MORE if policies.may_drop(config.mining) else _LITTLE
            asked = config.balance.reserve
            stages.append(Preselect(config.balance, config.seed, reserve if asked is None else asked))
        teachers, apart = inputs.teachers, tuple(recipes)
        side = stages[-1].name
        stages.append(Mine(teachers.options, policies, config.seed, teachers.digests, inputs.cache, side, apart))
    rows = config.release.rows_per_shard
    stages.append(FillQuota(config.balance, config.seed, rows, stages[-1].name, recipes=tuple(recipes)))
    stages.append(WriteShards(rows, tuple(recipes), config.dedup if config.dedup.index else None))
    return Graph(tuple(stages), code_digest())


def _policies(config: RunConfig) -> dict[str, SourcePolicy]:
    return {source.name: SourcePolicy.of(source, config.identify) for source in config.sources}


@dataclass(frozen=True)
class Inputs:
    """The files of a run's sources.

    Attributes:
        files: the files of each source, by its name.
        fingerprints: name, bytes and digest of each of them, in the same order.
        known: the earlier releases that new records are compared with.
        teachers: the models that mining needs.
        evaluation: the evaluation sets, likewise with their files and digests.
        parent: the release that the new one replaces; nothing that makes a shard may look at it.
        cache: folder for what may be reused by other stages and runs: vectors and finished searches.
    """

    files: Mapping[str, Sequence[SourceFile]]
    fingerprints: Mapping[str, Sequence[Fingerprint]]
    known: Known
    teachers: TeacherInputs
    evaluation: Sequence[EvaluationInput] = ()
    parent: Release | None = None
    cache: Path | None = None

    def sizes(self) -> list[tuple[str, int]]:
        """Return name and bytes of each file of the sources; no bytes where nobody knows."""
        return [(file["file"], file["bytes"]) for found in self.fingerprints.values() for file in found]


def find_inputs(config: RunConfig, base: Path, work: Path | None = None) -> Inputs:
    """Find and digest what a config reads; relative paths are relative to `base`.

    Args:
        config: the resolved config.
        base: folder that relative paths are relative to.
        work: the work folder of the run, if it has one.
    """
    parent = find_parent(config.release, base)
    files = {source.name: list_files(source, base) for source in config.sources}
    fingerprints = {name: [fingerprint(file) for file in found] for name, found in files.items()}
    cache = base / config.mining.cache if config.mining.cache is not None else work / "mining" if work else None
    return Inputs(
        files,
        fingerprints,
        find_known(config.dedup, base),
        find_teachers(config.mining, base),
        find_evaluation_sets(config.decontaminate.sets, base),
        parent,
        cache,
    )


@dataclass(frozen=True)
class Read(SourceStage):
    """Reads the sources' files and turns their rows into records."""

    sources: Sequence[Source]
    inputs: Inputs
    pivot: str
    batch_rows: int
    name: str = "read"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The declarations, less what later stages use, and the digests of the files."""
        later = {"path", "positive_path", "trust", "instruction", "mteb_tasks", "query_role", "positive_role"}
        later |= {"redistribution"}
        later |= {"candidate_languages", "on_mismatch", "on_undetermined", "on_shortage"}
        declared = [source.model_dump(exclude=later) for source in self.sources]
        return {"sources": declared, "inputs": self.inputs.fingerprints, "pivot": self.pivot}

    def read(self, rank: int, world: int) -> Iterator[Piece]:
        """Read every `world`-th file, beginning with number `rank`."""
        yield Piece(Outcome.keep(RECORD_SCHEMA.empty_table()), 0)
        first = 0
        for source in self.sources:
            files = self.inputs.files[source.name]
            # The tasks take turns over all files of all sources, so that many small sources are shared out too.
            mine = files[(rank - first) % world :: world]
            first += len(files)
            batches = (batch for file in mine for batch in read_file(source, file, batch_rows=self.batch_rows))
            for batch in _joined(batches, self.batch_rows):
                yield _to_piece(batch, source, self.pivot)


def _joined(batches: Iterator[ReadBatch], rows: int) -> Iterator[ReadBatch]:
    """Join the small batches of small files into ones of about `rows` rows."""
    waiting: list[ReadBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.rows.num_rows + len(part.rejected) for part in waiting) >= rows:
            yield _join(waiting)
            waiting = []
    if waiting:
        yield _join(waiting)


def _join(parts: Sequence[ReadBatch]) -> ReadBatch:
    rows = pa.concat_batches([part.rows for part in parts])
    return ReadBatch(rows, [row for part in parts for row in part.rejected])


def _to_piece(batch: ReadBatch, source: Source, pivot: str) -> Piece:
    declared = {"source": source.name, "licence": source.licence, "task": source.task}
    records = make_records(batch.rows, pivot=pivot, **declared)
    # A text of nothing but marks and controls is empty only now.
    blank = pc.or_(pc.equal(records["query"], ""), pc.equal(records["positive"], ""))
    empty = ledger_rows(records.filter(blank), stage="read", decision="quarantined", reason="empty")
    rejected = _reject(batch, source)
    rows_in = records.num_rows + len(batch.rejected)
    return Piece(Outcome.join(records.filter(pc.invert(blank)), empty, rejected), rows_in)


def _reject(batch: ReadBatch, source: Source) -> pa.Table:
    """Write the rows that could not be read as ledger rows."""
    if not batch.rejected:
        return empty_ledger()
    bad = batch.rejected
    places = [(row.file, row.row, row.reason) for row in bad]
    rows = rejected_records(source=source.name, licence=source.licence, task=source.task, places=places)
    reasons, details = [row.reason for row in bad], [row.detail for row in bad]
    ledger = ledger_rows(rows, stage="read", decision="quarantined", reason=reasons, detail=details)
    decisions = pa.array([row.decision for row in bad], pa.string())
    return ledger.set_column(ledger.schema.get_field_index("decision"), ledger.schema.field("decision"), decisions)


@dataclass(frozen=True)
class Distinct(ShuffleStage):
    """Makes ids unique, and spreads the records evenly over the partitions."""

    name: str = "distinct"

    @property
    def settings(self) -> Mapping[str, Any]:
        """It has none."""
        return {}

    def route(self, records: pa.Table, side: pa.Table | None, partitions: int) -> Routes:
        """Records with the same id are together."""
        return by_key(records["id"], partitions)

    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Keep the first of the records with one id; they come sorted by file and row."""
        ids = records["id"].combine_chunks()
        first = pa.array([False] * min(len(ids), 1), pa.bool_())
        repeated = pa.concat_arrays([first, pc.equal(ids[1:], ids[:-1])])
        lost = records.filter(repeated)
        ledger = ledger_rows(lost, stage=self.name, decision="merged", reason="repeated_record", other_id=lost["id"])
        return Outcome(records.filter(pc.invert(repeated)), ledger)


@dataclass(frozen=True)
class IdentifyLanguages(MapStage):
    """Finds and checks languages."""

    options: Identify
    policies: Mapping[str, SourcePolicy]
    pivot: str
    name: str = "identify"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        policies = {name: asdict(policy) for name, policy in self.policies.items()}
        model = identity(self.options.model)
        return {"options": self.options.model_dump(), "model": model, "policies": policies, "pivot": self.pivot}

    def load(self) -> object:
        """Load the model."""
        return load(self.options.model)

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Identify the languages of a batch."""
        return identify_records(records, self.options, policies=self.policies, pivot=self.pivot)


@dataclass(frozen=True)
class Score(MapStage):
    """Measures what the filters judge by, whatever their bounds are."""

    documents: Sequence[DatatroveFilter]
    roles: Roles
    name: str = "score"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The versions of the scores; filters of datatrove are asked about the roles of some texts only."""
        settings: dict[str, Any] = {"scores": score_versions()}
        if self.documents:
            settings |= {"datatrove": [each.model_dump() for each in self.documents], "roles": dict(self.roles)}
        return settings

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Score a batch."""
        from filters.score import score_records
        from pipelines.documents import document_scores

        return score_records(records, document_scores(self.documents), self.roles)


@dataclass(frozen=True)
class Filter(MapStage):
    """Decides by the scores, and masks personal data."""

    options: Filters
    roles: Roles
    name: str = "filter"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return {"options": self.options.model_dump(exclude={"boilerplate"}), "roles": dict(self.roles)}

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Filter a batch."""
        from filters.stage import filter_records

        return filter_records(records, self.options, self.roles)


@dataclass(frozen=True)
class DropBoilerplate(KeyedStage):
    """Drops positives of many queries. Before duplicates are: what repeats must still be there to be counted."""

    options: Boilerplate
    name: str = "boilerplate"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return self.options.model_dump()

    def rows(self, records: pa.Table) -> pa.Table:
        """Records with the same positive from the same source meet."""
        return boilerplate_rows(records)

    def judge(self, rows: pa.Table) -> pa.Table:
        """Count the queries of each positive."""
        return count_queries(rows, self.options)

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Drop what has too many."""
        return drop_boilerplate(records, rows, self.options)


@dataclass(frozen=True)
class ExactDedup(KeyedStage):
    """Merges equal records."""

    options: Dedup
    trust: Mapping[str, int]
    name: str = "exact_dedup"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return {"by": self.options.by, "prefer": self.options.prefer, "trust": dict(self.trust)}

    def rows(self, records: pa.Table) -> pa.Table:
        """Equal records meet."""
        return exact_rows(records, self.options, trust=self.trust)

    def judge(self, rows: pa.Table) -> pa.Table:
        """Choose one of each."""
        return judge_exact(rows)

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Merge the others into it."""
        return merge_exact(records, rows, self.options)


@dataclass(frozen=True)
class NearDedup(LinkStage):
    """Merges nearly equal records."""

    options: Dedup
    trust: Mapping[str, int]
    name: str = "near_dedup"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return {"options": self.options.model_dump(exclude={"exact", "near"}), "trust": dict(self.trust)}

    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        """Send the bands of each record's sketch to where equal ones meet."""
        return linking.band_rows(records, self.options, home=home, partitions=partitions)

    def rounds(self, home: int, partitions: int) -> Sequence[Round]:
        """From keys of bands to pairs, from pairs to links, from forests of these to clusters and verdicts."""
        meet = partial(linking.meet, home=home)
        describe = partial(linking.describe, options=self.options, home=home, partitions=partitions)
        pair_up = partial(linking.pair_up, options=self.options)
        show = partial(linking.show, options=self.options, home=home)
        verify = partial(verdicts.verify, options=self.options, home=home)
        join = partial(verdicts.join, home=home)
        rank = partial(verdicts.rank, options=self.options, partitions=partitions, trust=self.trust)
        choose = partial(verdicts.choose, options=self.options, partitions=partitions)
        return (
            Round("meet", meet, needs_records=False),
            Round("describe", describe, needs_records=True),
            Round("pair up", pair_up, needs_records=False),
            Round("show", show, needs_records=True),
            Round("verify", verify, needs_records=True),
            Round("join", join, needs_records=False),
            Round("rank", rank, needs_records=True),
            Round("choose", choose, needs_records=False),
        )

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Keep one of each cluster."""
        return apply_verdicts(records, rows, self.options)


@dataclass(frozen=True)
class DropKnown(LinkStage):
    """Drops what earlier releases have, and what was withdrawn from them. Each partition reads the releases once."""

    options: Dedup
    known: Known
    name: str = "known"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        options = self.options.model_dump(include={"by", "threshold"})
        return {"options": options, "releases": self.known.digests, "withdrawn": dict(self.known.withdrawn)}

    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        """Send nothing."""
        return pa.table({"to": pa.array([], pa.uint32())})

    def rounds(self, home: int, partitions: int) -> Sequence[Round]:
        """There are none."""
        return ()

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Compare with each release."""
        releases = [open_release(path) for path in self.known.releases]
        return drop_known(records, self.options, releases, self.known.withdrawn)


@dataclass(frozen=True)
class DropContaminated(MapStage):
    """Drops what the evaluation sets hold. The index is built from their files in each process, and never sent."""

    options: Decontaminate
    inputs: Sequence[EvaluationInput]
    name: str = "decontaminate"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on, the digests of the evaluation files included."""
        from curation.decontamination.stage import settings

        return settings(self.options, self.inputs)

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Compare a batch with the evaluation."""
        from curation.decontamination.stage import INDEXES, drop_contaminated

        return drop_contaminated(records, INDEXES.get(self.options, self.inputs), self.options)


@dataclass(frozen=True)
class Group(LinkStage):
    """Finds out which records are connected, by texts, documents and near duplicates.

    Attributes:
        threshold: similarity from which texts are near duplicates, or None where they are not looked for.
    """

    threshold: float | None
    name: str = "group"

    @classmethod
    def of(cls, options: Split, dedup: Dedup) -> Group:
        """Return the stage of a config; near duplicates are the costly part, and of use only to what is held out."""
        held_out = options.validation > 0 or options.test > 0
        return cls(dedup.threshold if options.near_duplicates and held_out else None)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return {"threshold": self.threshold}

    def start(self, records: pa.Table, home: int, partitions: int) -> pa.Table:
        """Send the hash of each text to where equal ones meet, or at once the keys of each record."""
        if self.threshold is None:
            return components.key_rows(records, home=home, partitions=partitions)
        return components.text_rows(records, home=home, partitions=partitions)

    def rounds(self, home: int, partitions: int) -> Sequence[Round]:
        """From texts to pairs of similar ones, from these and other keys to forests, and to components."""
        last = (
            Round("connect", components.connect, needs_records=False),
            Round("decide", components.decide, needs_records=False),
        )
        if self.threshold is None:
            return last
        represent = partial(components.represent, home=home)
        band = partial(components.band_rows, threshold=self.threshold, home=home, partitions=partitions)
        meet = partial(linking.meet, home=home)
        describe = partial(components.describe, threshold=self.threshold, home=home, partitions=partitions)
        pair_up = partial(linking.pair_up, options=components.comparison(self.threshold))
        show = partial(components.show, home=home)
        verify = partial(components.verify, threshold=self.threshold, home=home)
        share = partial(components.share, home=home, partitions=partitions)
        return (
            Round("represent", represent, needs_records=False),
            Round("band", band, needs_records=True),
            Round("meet", meet, needs_records=False),
            Round("describe", describe, needs_records=True),
            Round("pair up", pair_up, needs_records=False),
            Round("show", show, needs_records=True),
            Round("verify", verify, needs_records=True),
            Round("share", share, needs_records=True),
            *last,
        )

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Name the component of each record."""
        return grouping.with_components(records, rows)

    def tally(self, records: pa.Table) -> pa.Table:
        """Count the records by the size of their component."""
        return grouping.count_sizes(records)

    def merge_tallies(self, tallies: Sequence[pa.Table]) -> pa.Table:
        """Add up the sizes of all components."""
        return grouping.merge_sizes(tallies)


class Counting(Stage):
    """Counts the rows that a quota can draw on."""

    def tally(self, records: pa.Table) -> pa.Table:
        """Count the rows of each language, task and source."""
        return count_rows(records)

    def merge_tallies(self, tallies: Sequence[pa.Table]) -> pa.Table:
        """Add up the counts."""
        return merge_counts(tallies)


@dataclass(frozen=True)
class AssignSplits(Counting, MapStage):
    """Draws the held-out splits."""

    options: Split
    seed: int
    name: str = "split"
    side: str = "group"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return {"options": self.options.model_dump(exclude={"near_duplicates"}), "seed": self.seed}

    def apply(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Assign the splits, by the sizes of all components."""
        assert side is not None
        return Outcome.keep(split.assign_splits(records, self.options, side, seed=self.seed))


@dataclass(frozen=True)
class ByQuota(KeyedStage):
    """Goes by the quota of each language, task and source, which is planned from the counts of an earlier stage."""

    options: Balance
    seed: int

    def side_table(self, tally: pa.Table) -> pa.Table:
        """Plan by the counts."""
        return plan_quota(tally, self.options)

    def rows(self, records: pa.Table) -> pa.Table:
        """Draw lots; those of one language, task and source meet."""
        return lots(records, seed=self.seed)

    def judge(self, rows: pa.Table) -> pa.Table:
        """Rank them."""
        return rank_lots(rows)


@dataclass(frozen=True)
class Preselect(ByQuota, Counting):
    """Chooses the rows that are mined, so that the teacher sees no more than the quota needs."""

    reserve: float
    name: str = "preselect"
    side: str = "split"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        return {"options": self.options.model_dump(exclude={"reserve"}), "seed": self.seed, "reserve": self.reserve}

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Mark each language's rows."""
        assert side is not None
        return Outcome.keep(preselect_rows(records, rows, side, reserve=self.reserve))


@dataclass(frozen=True)
class Mine(Counting, EmbeddingStage):
    """Mines hard negatives."""

    options: Mining
    policies: Policies
    seed: int
    models: Mapping[str, str]
    cache: Path | None
    side: str
    apart: tuple[str, ...] = ()
    name: str = "mine"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        # A model is what its files are, wherever they lie and whatever runs them.
        elsewhere = {"model": True, "batch_size": True, "device": True}
        options = self.options.model_dump(
            exclude={"teacher": elsewhere, "cross_encoder": elsewhere, "cache": True, "on_shortage": True}
        )
        settings = {"options": options, "models": self.models, "policies": asdict(self.policies), "seed": self.seed}
        return settings | {"apart": list(self.apart)}

    def side_table(self, tally: pa.Table) -> pa.Table:
        """Divide what is mined into pools."""
        from curation.mining.pools import plan_pools

        return plan_pools(tally, self.options)

    def route(self, records: pa.Table, side: pa.Table | None, partitions: int) -> Routes:
        """Records that seek among each other's passages are together."""
        from curation.mining.pools import pools_of

        assert side is not None
        homes = by_size(side["rows"].to_numpy(), partitions)
        return Routes(np.arange(records.num_rows), homes[pools_of(records, side, self.options)])

    @property
    def texts_a_pass(self) -> int:
        """As the teacher's options say; none where words are compared, or vectors were made elsewhere."""
        from curation.mining.teachers.precomputed import SCHEME

        teacher = self.options.teacher
        is_model = teacher.model != LEXICAL and not teacher.model.startswith(SCHEME)
        return teacher.batch_size if is_model else 0

    def texts(self, records: pa.Table, side: pa.Table | None) -> pa.Table:
        """Return passages and queries."""
        from curation.mining.wanted import wanted_texts

        return wanted_texts(records, self.options, seed=self.seed, pools=side)

    def load_embedder(self) -> Embedder:
        """Load the teacher, with the vectors that are kept where the cache is."""
        from curation.mining.embeddings.apart import Embedder as TeacherEmbedder
        from curation.mining.encoder import open_store, teacher_options
        from curation.mining.teachers.load import load_teacher

        options = self.options.teacher
        return TeacherEmbedder(load_teacher(teacher_options(options)), open_store(self.cache), options.store)

    def reduce(self, records: pa.Table, side: pa.Table | None) -> Outcome:
        """Mine each pool."""
        from curation.mining.encoder import Encoder

        return self._mine(records, side, Encoder(self.options.teacher, self.cache))

    def reduce_with(
        self,
        records: pa.Table,
        side: pa.Table | None,
        vectors: Iterable[pa.Table],
        missed: Callable[[int], None],
    ) -> Outcome:
        """Mine each pool with the teacher's vectors."""
        from curation.mining.embeddings.apart import gather_vectors
        from curation.mining.encoder import Encoder, teacher_options

        options = self.options.teacher
        given = gather_vectors(vectors, teacher_options(options), options.store, missed)
        return self._mine(records, side, Encoder(options, self.cache, given))

    def _mine(self, records: pa.Table, side: pa.Table | None, encoder: Encoder) -> Outcome:
        from curation.mining.stage import mine_records

        policies, apart = self.policies, self.apart
        return mine_records(
            records, self.options, seed=self.seed, policies=policies, encoder=encoder, apart=apart, pools=side
        )


@dataclass(frozen=True)
class FillQuota(ByQuota):
    """Shares out the budget among the languages."""

    rows_per_file: int
    side: str
    name: str = "balance"
    recipes: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        options = self.options.model_dump(exclude={"reserve"})
        tally = {"recipes": list(self.recipes), "rows_per_file": self.rows_per_file}
        return {"options": options, "seed": self.seed, "tally": tally}

    def finish(self, records: pa.Table, rows: pa.Table, side: pa.Table | None) -> Outcome:
        """Select each language's rows."""
        assert side is not None
        return select_rows(records, rows, side)

    def tally(self, records: pa.Table) -> pa.Table:
        """Count what the release is cut by."""
        return cutting.count_blocks(records, self.recipes, self.rows_per_file)

    def merge_tallies(self, tallies: Sequence[pa.Table]) -> pa.Table:
        """Add up the counts."""
        return cutting.merge_blocks(tallies)


@dataclass(frozen=True)
class WriteShards(SinkStage):
    """Writes the shards of the release, and what its index says of them."""

    rows_per_shard: int
    recipes: tuple[str, ...] = ()
    index: Dedup | None = None
    name: str = "shard"
    side: str = "balance"

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the result depends on."""
        index = self.index.model_dump(mode="json", include={"by", "threshold"}) if self.index else None
        return {"rows_per_shard": self.rows_per_shard, "recipes": list(self.recipes), "index": index}

    def route(self, records: pa.Table, side: pa.Table | None, partitions: int) -> Routes:
        """Records of one file are together."""
        cut = self._cutting(side)
        rows, files = cut.wanted(records, self.recipes)
        # Of several files of one partition that want a record, it goes there once.
        pairs = np.unique(np.stack([rows, self._homes(cut, partitions)[files]]), axis=1)
        return Routes(pairs[0], pairs[1])

    def write(self, records: pa.Table, side: pa.Table | None, folder: Path, home: int, partitions: int) -> Written:
        """Write the shards of a partition, and its rows of recipes without their texts."""
        assert side is not None
        cut = self._cutting(side)
        mine = self._homes(cut, partitions) == home
        files = [file for file, here in zip(cut.files, mine.tolist(), strict=True) if here]
        released, hidden = (cut.rows_of(records, self.recipes, files, hidden=kind) for kind in (False, True))
        negatives = cutting.least_negatives(side)
        own = pa.array(mine[cut.first_files(records, self.recipes)])
        accounted = Outcome.keep(records.filter(own).select(["id", "source", "language"]))
        tallies = [
            shards.write_shards(records, released, folder, negatives=negatives),
            recipe.write_recipes(records, hidden, folder),
        ]
        written = pa.concat_tables(tallies)
        if self.index is not None:
            write_parts(folder, layout.full_shards(written["path"].to_pylist()), self.index)
        return Written(accounted, written)

    def _cutting(self, side: pa.Table | None) -> cutting.Cutting:
        assert side is not None
        return cutting.Cutting.of(side, self.rows_per_shard)

    def _homes(self, cut: cutting.Cutting, partitions: int) -> npt.NDArray[np.int64]:
        return by_size([file.rows for file in cut.files], partitions)

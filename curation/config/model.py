"""The shape of a config: every knob, its unit and its default.

The models hold no behaviour. A stage receives the one section that it needs, and that section alone decides
whether a finished result can be reused (see `pipelines.store`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from curation.config.balance import Balance
from curation.config.base import Name, Section, TaskType
from curation.config.gate import Gate
from curation.config.licences import DescribedLicence, Redistribution, check_descriptions, spdx
from curation.config.mining import Mining, OnShortage
from curation.config.release import Author, DataStatement, checked_date
from curation.config.rules import STAGE_RULES, check_name
from curation.config.training import Training
from language_configs import resolve, resolve_program, variants
from language_configs.bounds import Bounds, Role, Share, profile


class LanguageColumn(Section):
    """The language of each row stands in a column of the source."""

    column: str
    """Column that holds a language code (ISO 639-1, 639-3, BCP-47 or `xxx_Xxxx`)."""


Language = str | LanguageColumn | None
OnMismatch = Literal["keep", "relabel", "drop", "quarantine"]
OnUndetermined = Literal["keep", "drop", "quarantine"]


class BaseSource(Section):
    """What every source declares."""

    name: Name
    """Unique short name; part of every record's id."""
    licence: str
    """SPDX identifier or expression, for example `CC-BY-4.0`; `LicenseRef-...` for anything else."""
    redistribution: Redistribution | None = None
    """Whether the texts may stand in the release; `recipe`: hashes and places stand there, which show who has the
    source how to make the rows. By default as the licence says; where it forbids changes, this must be stated."""
    task: TaskType
    """What the pairs are for; decides which filters and which mining apply."""
    path: str | list[str]
    """Local path, glob or fsspec URL, or `package:NAME/GLOB` for files of an installed Python package."""
    instruction: str = ""
    """Instruction that trainers put before the query."""
    query_language: Language = None
    """Language of the queries: a code, or `{column: NAME}`; left out when it is to be identified."""
    positive_language: Language = None
    """Language of the positives, likewise."""
    query_role: Role | None = None
    """What the queries are: query, title, sentence, passage or code. By default what the task's queries mostly are."""
    positive_role: Role | None = None
    """What the positives are, likewise."""
    candidate_languages: list[str] = []
    """Where a language is not declared: identify among these only; empty means all that the model knows."""
    on_mismatch: OnMismatch | None = None
    """What happens to a record whose text contradicts its declared language; by default as `identify` says."""
    on_undetermined: OnUndetermined | None = None
    """What happens to a record whose language could not be identified; by default as `identify` says."""
    on_shortage: OnShortage | None = None
    """What happens to a record that too few hard negatives are found for; by default as `mining` says."""
    trust: int = Field(default=50, ge=0, le=100)
    """Of two duplicates the one from the source with the higher trust is kept."""
    on_bad_row: Literal["quarantine", "fail"] = "quarantine"
    """A row that cannot be read: put aside with its reason, or end the run."""
    mteb_tasks: list[str] | None = None
    """Names of the mteb tasks whose training data the source holds; `[]` if of none, left out if nobody has checked."""

    @field_validator("licence")
    @classmethod
    def _is_spdx(cls, value: str) -> str:
        return spdx(value)

    @field_validator("query_language", "positive_language", "candidate_languages")
    @classmethod
    def _are_languages(cls, value: Language | list[str]) -> Language | list[str]:
        for code in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            resolve(code)
        return value

    @model_validator(mode="after")
    def _says_which_language(self) -> BaseSource:
        """Refuse codes that mean a language that people speak and one that machines run, where it may be either."""
        declared = (self.query_language, self.positive_language, *self.candidate_languages)
        for code in declared if self.task == "code" else ():
            program = resolve_program(code) if isinstance(code, str) else None
            if program is not None and isinstance(code, str) and resolve(code) != program:
                meant = " or ".join(f"{language.code} ({language.name})" for language in (program, resolve(code)))
                raise ValueError(f"`{code}` means two languages: say {meant}")
        return self


class Columns(Section):
    """Where the fields of a record stand in a table."""

    query: str = "query"
    """Column of the query."""
    positive: str = "positive"
    """Column of the positive passage."""
    negatives: list[str] = []
    """Columns of negatives that the source already has; one column may hold a list of strings."""
    label: str | None = None
    """Column of the class, for classification and clustering; negatives come from other classes only."""
    document: str | None = None
    """Column that names the document a row was cut from, within the source; a document is never split."""


class ParquetSource(BaseSource):
    """Parquet files."""

    format: Literal["parquet"]
    columns: Columns = Columns()
    """Field mapping."""


class JsonlSource(BaseSource):
    """JSON lines, plain or compressed (.gz, .zst)."""

    format: Literal["jsonl"]
    columns: Columns = Columns()
    """Field mapping."""


class CsvSource(BaseSource):
    """Comma-separated values with quotes (RFC 4180), plain or compressed."""

    format: Literal["csv"]
    columns: Columns = Columns()
    """Field mapping."""
    header: bool = True
    """The first row names the columns; otherwise they are called `0`, `1`, ..."""


class TsvSource(BaseSource):
    """Tab-separated values without quoting, plain or compressed."""

    format: Literal["tsv"]
    columns: Columns = Columns()
    """Field mapping."""
    header: bool = True
    """The first row names the columns; otherwise they are called `0`, `1`, ..."""


class MosesSource(BaseSource):
    """Aligned plain-text files: line n of one is the translation of line n of the other."""

    format: Literal["moses"]
    positive_path: str | list[str]
    """Files of the positives, as many as `path` gives and in the same order."""


class GettextSource(BaseSource):
    """Gettext catalogues (.po, .mo): msgid is the query, msgstr the positive.

    The language of the positives is the catalogue's: from its `Language` header, or else from its path.
    """

    format: Literal["gettext"]
    message_language: str = "eng_Latn"
    """Language of the msgids, unless `query_language` is given."""
    locales: list[str] = []
    """Read only these locales (as in the path or the `Language` header); empty means all."""

    @field_validator("message_language")
    @classmethod
    def _is_a_language(cls, value: str) -> str:
        return resolve(value).code


class HubSource(BaseSource):
    """A dataset of the Hugging Face Hub at a pinned revision; `path` is `ORG/NAME` or a local folder."""

    format: Literal["hub"]
    revision: str = ""
    """Commit of the dataset, 40 hexadecimal digits; required unless `path` is a local folder."""
    config: str = "default"
    """Configuration (subset) of the dataset."""
    split: str = "train"
    """Split of the dataset."""
    columns: Columns = Columns()
    """Field mapping."""


Source = Annotated[
    ParquetSource | JsonlSource | CsvSource | TsvSource | MosesSource | GettextSource | HubSource,
    Field(discriminator="format"),
]


class Identify(Section):
    """Language identification."""

    enabled: bool = True
    """Check declared languages and find undeclared ones."""
    model: str = "lid.176"
    """`lid.176` (embedded), `glotlid` (GlotLID v3, fetched once, 1.7 GB), or the path of a fastText model."""
    min_score: Share | None = None
    """An undeclared language below this score is `und`; `null`: each language's calibrated one for the length."""
    min_veto_score: Share = 0.9
    """A declared language is contradicted only by another one at or above this score, with its relatives."""
    min_letters: int = Field(default=20, ge=0)
    """Shorter texts (in letters) never contradict a declaration, except by their script."""
    on_mismatch: OnMismatch = "drop"
    """What happens to a record whose text contradicts its declared language."""
    on_undetermined: OnUndetermined = "quarantine"
    """What happens to a record without a declared language that could not be identified."""


PiiAction = Literal["keep", "mask", "drop"]


class Pii(Section):
    """Personal data in prose: `mask` puts a reserved value in its place, `drop` drops the record (negatives: masks)."""

    email: PiiAction = "mask"
    """E-mail addresses."""
    ip: PiiAction = "mask"
    """Public IPv4 and IPv6 addresses."""
    phone: PiiAction = "mask"
    """Telephone numbers in the international form, with a plus and a country code."""
    roles: list[Role] = ["query", "title", "sentence", "passage"]
    """Roles of the texts that are looked at; negatives have the positive's."""


class Boilerplate(Section):
    """Positives that a source gives to many different queries: "Page not found", "See above"."""

    max_queries: Annotated[int, Field(ge=1)] | None = 50
    """Greatest number of different queries that one positive may have in a source; `null` switches the rule off."""
    tasks: list[TaskType] = ["retrieval", "sts", "bitext"]
    """Task types that it judges; labels of clusters and classes repeat by nature."""


# Those filters of datatrove that judge a text by itself, change nothing, and draw nothing at random.
DatatroveName = Literal[
    "C4ParagraphFilter",
    "C4QualityFilter",
    "FineWebQualityFilter",
    "GopherQualityFilter",
    "GopherRepetitionFilter",
    "RegexFilter",
    "UnigramLogProbFilter",
]


class DatatroveFilter(Section):
    """A document filter of datatrove. It runs text by text, so it is slow beside the filters of this program."""

    filter: DatatroveName
    """Name of the class in `datatrove.pipeline.filters`."""
    roles: Annotated[list[Role], Field(min_length=1)] = ["passage"]
    """Roles of the texts that it judges; they are filters of documents, and reject any short query."""
    languages: list[str] = []
    """Languages of the texts that it judges; empty means all."""
    options: dict[str, Any] = {}
    """Arguments of its constructor."""

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, values: list[str]) -> list[str]:
        return list(dict.fromkeys(language.code for value in values for language in variants(value)))


class Filters(Bounds, Section):
    """Filters by role and language. A bound that is left out comes from the language table; `null` switches it off.

    What is set nearer to the text goes first: its language and role here, its language, its role, all texts, and then
    the table's own bounds for the language and the profile's for the role.
    """

    profile: str | None = None
    """`lenient`, `standard` or `strict`; left out, each language's own, which is mostly `standard`."""
    roles: dict[Role, Bounds] = {}
    """Bounds for one role: query, title, sentence, passage or code."""
    languages: dict[str, dict[Role | Literal["all"], Bounds]] = {}
    """Bounds for one language, by its code and then by role, or `all`."""
    pii: Pii = Pii()
    """Personal data."""
    boilerplate: Boilerplate = Boilerplate()
    """Positives of many queries."""
    datatrove: list[DatatroveFilter] = []
    """Document filters of datatrove."""

    @field_validator("profile")
    @classmethod
    def _is_a_profile(cls, value: str | None) -> str | None:
        if value is not None:
            profile(value)
        return value

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, values: dict[str, Any]) -> dict[str, Any]:
        codes = [language.code for code in values for language in variants(code)]
        twice = next((code for code in codes if codes.count(code) > 1), None)
        if twice:
            raise ValueError(f"two keys mean {twice}: put its bounds under one")
        return values

    @field_validator("datatrove")
    @classmethod
    def _are_told_apart(cls, values: list[DatatroveFilter]) -> list[DatatroveFilter]:
        names = [each.filter for each in values]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"{twice} is listed twice: the ledger could not tell which of them rejected a record")
        return values


Preference = Literal["trust", "licence", "quality"]


class Dedup(Section):
    """Exact and near duplicates of (query, positive)."""

    exact: bool = True
    """Drop pairs that are equal after NFKC and case folding."""
    near: bool = True
    """Drop near duplicates, checked by exact Jaccard similarity."""
    by: Literal["pair", "query", "positive"] = "pair"
    """What is compared: both sides; the query, where records with other positives stay, in one group; the positive."""
    prefer: tuple[Preference, ...] = ("trust", "licence", "quality")
    """Which duplicate stays: the source's trust, the freer licence, the surer language; after them the smaller id."""
    threshold: float = Field(default=0.8, ge=0.1, le=1.0)
    """Jaccard similarity of character 5-gram sets from which texts are duplicates; of pairs, both sides must be."""
    against: list[str] = []
    """Folders of earlier releases: what nearly equals one of their records is dropped."""
    withdrawn: list[str] = []
    """Text files of ids, one a line: records of `against` that may not come back, in whatever source."""
    index: bool = True
    """Write an index into the release, with which later data can be compared; some 145 bytes a record."""


class EvaluationSet(Section):
    """Texts that a model will be evaluated on, and that it must not be trained on."""

    task: Annotated[str, Field(min_length=1)]
    """Name of the evaluation, as the report shows it; for a task of mteb its name there."""
    split: Annotated[str, Field(min_length=1)] = "test"
    """Which part of the task's data this is, for the report."""
    format: Literal["parquet", "jsonl", "csv", "tsv", "text"]
    """How the files are written; `text` is a text a line. All but Parquet may be compressed (.gz, .zst)."""
    path: str | list[str]
    """Local path, glob or fsspec URL, as of a source; relative paths start from the config."""
    columns: Annotated[list[str], Field(min_length=1)] = ["text"]
    """Columns of texts, each of strings or of lists of strings; a file of format `text` has none but `text`."""
    language: Language = None
    """Language of the texts for the report: a code, or `{column: NAME}`."""
    header: bool = True
    """CSV and TSV: the first row names the columns; otherwise they are called `0`, `1`, ..."""

    @field_validator("language")
    @classmethod
    def _is_a_language(cls, value: Language) -> Language:
        if isinstance(value, str):
            resolve(value)
        return value


class Decontaminate(Section):
    """Removal of records that hold what a model will be evaluated on.

    Lengths are in letters: letters, marks and digits, where a Han character counts 3 and a kana, a Hangul syllable or
    another syllable sign 2, which is what it takes to write the same in an alphabet.
    """

    sets: list[EvaluationSet] = []
    """What the evaluation is done on. Without any, nothing is removed."""
    exact_min_letters_query: int | None = Field(default=15, ge=1)
    """A query that equals an evaluation text is contaminated if it is this long; `null` switches the rule off."""
    exact_min_letters_positive: int | None = Field(default=20, ge=1)
    """Likewise a positive: answers and labels such as `Yes` or the name of a country are equal by nature."""
    near_threshold: Share | None = Field(default=0.8, ge=0.5)
    """Jaccard similarity of character 5-grams from which a text is a near duplicate; `null` switches the rule off."""
    near_min_letters: int = Field(default=30, ge=1)
    """Shorter evaluation texts have no near duplicates."""
    containment_threshold: Share | None = Field(default=0.8, ge=0.5)
    """Share of an evaluation text's character 5-grams in a training text from which that holds it; or `null`."""
    containment_min_letters: int = Field(default=40, ge=1)
    """Shorter evaluation texts are contained in nothing."""
    passage_chars: int = Field(default=200, ge=50)
    """Longer evaluation texts are cut into passages of this many characters; to contain one of them is enough."""


class Split(Section):
    """Held-out parts, drawn by connected groups of records, so that no text or document stands in two of them."""

    validation: Share = 0.0
    """Share of connected groups in the validation split."""
    test: Share = 0.05
    """Share of connected groups in the test split."""
    near_duplicates: bool = True
    """Texts that are similar from `dedup.threshold` on connect their records; not looked for if nothing is held out."""
    max_component_share: Share = 0.01
    """A connected group of more than this share of all records, and of more than 100, is always in train."""

    @model_validator(mode="after")
    def _leaves_training_data(self) -> Split:
        if self.validation + self.test >= 1.0:
            raise ValueError("validation + test must be below 1: nothing would be left to train on")
        return self


class Release(Section):
    """The release folder."""

    version: str = Field(default="0.1.0", pattern=r"^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$")
    """Semantic version."""
    parent: str | None = None
    """Folder of the release that this one replaces: the changelog says what is new, and the version has to fit."""
    date: str | None = None
    """Day of the release, YYYY-MM-DD, for changelog and citation; none is written without it."""
    authors: list[Author] = []
    """Who is to be named when the dataset is cited."""
    data_statement: DataStatement = DataStatement()
    """What only people know about the texts, for the card."""
    title: str = ""
    """Title of the card; the config's name by default."""
    description: str = ""
    """First paragraph of the card."""
    pivot_language: str = "eng_Latn"
    """A bitext record counts for its side that is not in this language."""
    rows_per_shard: int = Field(default=500_000, ge=1)
    """Greatest number of rows of a shard."""
    licence: str = "auto"
    """What the release is shared under: `auto`, computed from its sources' licences; an SPDX expression, which these
    must allow; or `per-source`: the release is a collection in which each row keeps its own licence."""
    commercial_safe: bool = False
    """Leave out the sources whose licence forbids commercial use, or of which nobody knows."""

    @field_validator("licence")
    @classmethod
    def _is_a_licence(cls, value: str) -> str:
        return value if value in ("auto", "per-source") else spdx(value)

    @field_validator("date")
    @classmethod
    def _is_a_date(cls, value: str | None) -> str | None:
        return checked_date(value)

    @field_validator("pivot_language")
    @classmethod
    def _is_a_language(cls, value: str) -> str:
        return resolve(value).code


def _rules_of(stage: str) -> tuple[str, ...]:
    """Return the reasons that a stage can give; a filter's is its bound, or its name where it is datatrove's."""
    filters = (*Bounds.model_fields, *(f"datatrove.{name}" for name in get_args(DatatroveName)))
    return STAGE_RULES[stage].reasons + (filters if stage == "filter" else ())


class AlarmException(Section):
    """Rules that may take another share than the rest, by name. What is left out is any."""

    language: str | None = None
    """Language of the rows, for example `khm_Khmr`; a code without a script stands for all of its scripts."""
    source: Name | None = None
    """Name of their source."""
    stage: str | None = None
    """Stage of the rule."""
    reason: str | None = None
    """Name of the rule, as the ledger has it: of a filter its knob, for example `max_mojibake_share`."""
    max_drop_share: Share = 1.0
    """Greatest share that the rule may take; 1 allows it everything."""

    @field_validator("language")
    @classmethod
    def _is_a_language(cls, value: str | None) -> str | None:
        found = () if value is None else variants(value)
        return found[0].code if len(found) == 1 else value

    @property
    def languages(self) -> frozenset[str]:
        """The languages that are meant: a code without a script stands for all scripts of the language."""
        return frozenset() if self.language is None else frozenset(each.code for each in variants(self.language))

    @field_validator("stage")
    @classmethod
    def _is_a_stage(cls, value: str | None) -> str | None:
        if value is not None:
            check_name("stage", value, STAGE_RULES)
        return value

    @model_validator(mode="after")
    def _names_something(self) -> AlarmException:
        if not any((self.language, self.source, self.stage, self.reason)):
            raise ValueError(
                "it names nothing: give language, source, stage or reason, or set alarms.max_drop_share for all"
            )
        if self.reason is not None:
            stages = [self.stage] if self.stage else list(STAGE_RULES)
            kind = f"rule of the stage {self.stage}" if self.stage else "rule"
            check_name(kind, self.reason, {reason for stage in stages for reason in _rules_of(stage)})
        return self


class Alarms(Section):
    """What one rule may take of a language before the run is stopped."""

    on_alarm: Literal["fail", "warn", "ignore"] = "fail"
    """End the run before anything costly is done, or say it in the report, or do not look."""
    max_drop_share: Share = 0.5
    """Greatest share of a language's rows in one source that one rule (a reason of a stage) may take."""
    min_rows: int = Field(default=100, ge=1)
    """Fewer rows are not judged: small sources of a language are taken together."""
    stages: tuple[str, ...] = tuple(name for name, rules in STAGE_RULES.items() if rules.judged)
    """Stages whose rules are judged."""
    exceptions: list[AlarmException] = []
    """What is known to lose more, by name, or must lose less; the first that fits counts."""

    @field_validator("stages")
    @classmethod
    def _are_stages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            check_name("stage", name, STAGE_RULES)
        return value


class Engine(Section):
    """How the work is cut. None of these can change a byte of the release."""

    partitions: int | None = Field(default=None, ge=1, le=65_536)
    """Partitions of every stage; by default one for each 32 MB of text, as far as sizes are known (those of sources on
    the Hub are not), and 4 at least."""
    batch_rows: int = Field(default=16_384, ge=1)
    """Rows of a record batch."""


class RunConfig(Section):
    """One run: from sources to a gated release."""

    name: Name
    """Name of the dataset."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Everything that is drawn at random is a function of this and of record ids."""
    sources: Annotated[list[Source], Field(min_length=1)]
    """What is read."""
    licences: dict[str, DescribedLicence] = {}
    """What licences are like that are in no table: those called `LicenseRef-...`, and rare ones of the SPDX list."""
    identify: Identify = Identify()
    """Language identification."""
    filters: Filters = Filters()
    """Filters."""
    dedup: Dedup = Dedup()
    """Deduplication."""
    decontaminate: Decontaminate = Decontaminate()
    """Evaluation sets that must not be trained on."""
    split: Split = Split()
    """Held-out splits."""
    mining: Mining = Mining()
    """Hard negatives."""
    balance: Balance = Balance()
    """Quotas."""
    release: Release = Release()
    """The release folder."""
    training: Training = Training()
    """The smoke model."""
    gate: Gate = Gate()
    """The verdict."""
    alarms: Alarms = Alarms()
    """What one rule may take of a language."""
    engine: Engine = Engine()
    """How the work is cut."""

    @field_validator("alarms")
    @classmethod
    def _excepted_sources_exist(cls, alarms: Alarms, info: ValidationInfo) -> Alarms:
        # Without valid sources there is a better error to show.
        for exception in alarms.exceptions if "sources" in info.data else ():
            if exception.source is not None:
                check_name("source", exception.source, [source.name for source in info.data["sources"]])
        return alarms

    @field_validator("balance")
    @classmethod
    def _balanced_sources_exist(cls, balance: Balance, info: ValidationInfo) -> Balance:
        for name in balance.sources if "sources" in info.data else ():
            check_name("source", name, [source.name for source in info.data["sources"]])
        return balance

    @field_validator("licences")
    @classmethod
    def _describe_what_is_used(
        cls, licences: dict[str, DescribedLicence], info: ValidationInfo
    ) -> dict[str, DescribedLicence]:
        if "sources" in info.data:
            check_descriptions(licences, [source.licence for source in info.data["sources"]])
        return licences

    @field_validator("sources")
    @classmethod
    def _names_are_unique(cls, sources: list[Source]) -> list[Source]:
        names = [source.name for source in sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources are called {twice[0]!r}")
        return sources

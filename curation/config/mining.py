"""The section `mining` of a config: which teacher, which passages, which rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from curation.config.base import Section, TaskType
from curation.config.presets import PRESETS, Preset
from language_configs.bounds import Share

Scope = Literal["positive_language", "query_language", "source_language", "source", "other_languages", "all"]
OnShortage = Literal["pad", "drop", "keep", "relax"]
LEXICAL = "lexical"


class TeacherModel(Section):
    """The embedder that scores candidates."""

    model: str = LEXICAL
    """`lexical` (embedded), `ORG/MODEL@REVISION` or a folder for sentence-transformers, or `vectors:PATH` (Parquet)."""
    query_prompt: str | None = None
    """What is put before queries; by default the model's own prompt for queries, if it has one."""
    passage_prompt: str | None = None
    """What is put before passages, likewise."""
    query_prompt_name: str | None = None
    """The prompt of queries, by the name that the model gives it."""
    passage_prompt_name: str | None = None
    """The prompt of passages, likewise."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Texts are cut to so many tokens; by default to what the model takes."""
    truncate_dim: int | None = Field(default=None, ge=1)
    """Leading dimensions that are kept, for Matryoshka models; by default all."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision that the model computes in."""
    pickled_weights: bool = False
    """Also load weights that are not safetensors."""
    batch_size: int = Field(default=64, ge=1)
    """Texts a forward pass; changes speed and memory, and vectors by rounding alone."""
    device: str | None = None
    """torch's name of the device; by default a GPU where there is one."""
    store: Literal["float32", "bfloat16", "int8"] = "float32"
    """Precision in which vectors are kept and compared."""


def _teacher(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


class CrossEncoder(Section):
    """A model that reads query and passage together, and has the last word on candidates."""

    model: str
    """`ORG/MODEL@REVISION`, or a folder."""
    max_positive_ratio: float = Field(default=0.95, ge=0.0, allow_inf_nan=False)
    """A negative scores below this multiple of its positive's score."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Pairs are cut to so many tokens; by default to what the model takes."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision that the model computes in."""
    pickled_weights: bool = False
    """Also load weights that are not safetensors."""
    batch_size: int = Field(default=32, ge=1)
    """Pairs a forward pass."""
    device: str | None = None
    """torch's name of the device; by default a GPU where there is one."""


class PoolQuota(Section):
    """Passages in which negatives are sought, and how many are taken."""

    scope: Scope = "positive_language"
    """Passages in the language of the record's positive or of its query, of its source (in its language, or in any),
    in all languages but the positive's, or all that there are."""
    negatives: int | None = Field(default=None, ge=1)
    """Negatives from this pool; may be left out where there is one pool only."""


class Quantile(Section):
    """A threshold that is found in the scores themselves: of each teacher, language and source alone."""

    of: Literal["positive", "random"]
    """Scores of the labelled positives, or of random pairs."""
    quantile: Share
    """Share of these scores that lie below the threshold."""


class Fallback(Section):
    """What is done about languages that the teacher does not know."""

    teacher: Literal["lexical"] = "lexical"
    """What mines there instead."""
    min_recall: Share = 0.5
    """Share of held-out pairs whose positive the teacher must find at rank 1 of up to 1,000 passages."""


Threshold = float | Quantile | None
_FiniteThreshold = Annotated[float, Field(allow_inf_nan=False)] | Quantile | None


class Mining(Section):
    """Hard negatives.

    A rule that is not given stands as in the preset, and without a preset as F2LLM has it, but with 7 negatives.
    """

    enabled: bool = True
    """Mine negatives; otherwise a release holds those that its sources had, if all have them."""
    preset: Preset | None = None
    """Rules by name: `f2llm`, `nv-percpos95`, `bge-10-210`, `kalm-50-100` or `st-default`."""
    teacher: Annotated[TeacherModel, BeforeValidator(_teacher)] = TeacherModel()
    """`lexical`, or a model by its name, or a section that says more about it."""
    candidates: Literal["dense", "lexical", "hybrid"] = "dense"
    """Where a dense teacher's candidates come from: its own neighbours, those of BM25, or both."""
    pools: list[PoolQuota] = Field(default=[PoolQuota()], min_length=1)
    """Where negatives are sought."""
    num_negatives: int = Field(default=7, ge=1, le=64)
    """Negatives a record."""
    negatives_by_task: dict[TaskType, Annotated[int, Field(ge=0)]] = {}
    """Hard negatives a record of a task, where they are fewer; random ones fill the rest."""
    anchor: Literal["auto", "query", "positive", "both"] = "auto"
    """Whose neighbours are taken; `auto` is `positive` where a lexical teacher meets two languages, else `query`."""
    top_k: int = Field(default=100, ge=1)
    """Ranks that are looked at, counted without the positives."""
    skip_rank: int = Field(default=5, ge=0)
    """The nearest ranks that are left out, whatever they are."""
    skip_survivors: int = Field(default=0, ge=0)
    """Of those that pass all other rules, the nearest that are left out."""
    max_score: _FiniteThreshold = 0.8
    """A negative scores below this; `null` for no such rule."""
    min_score: _FiniteThreshold = None
    """A negative scores this at least."""
    max_positive_ratio: float | None = Field(default=0.95, ge=0.0, allow_inf_nan=False)
    """A negative scores below this multiple of its positive's score; `null` for no such rule."""
    positive_margin: float | None = Field(default=None, allow_inf_nan=False)
    """A negative scores so much less than its positive at least."""
    max_positive_rank: int | None = Field(default=None, ge=1)
    """A record whose positive stands at a higher rank is dropped: its pair is not consistent."""
    sampling: Literal["top", "random"] = "top"
    """Of those that pass the rules, the nearest are taken, or a random draw."""
    cross_encoder: CrossEncoder | None = None
    """A second opinion on those that would be taken."""
    csls: int | None = Field(default=None, ge=1)
    """Rank by cosine corrected for hubs over so many neighbours (CSLS); thresholds go by the cosine all the same."""
    hub_cap: int | None = Field(default=None, ge=1)
    """A passage is a hard negative of so many records at most."""
    keep_possible: int = Field(default=5, ge=0)
    """Candidates as near as the positive or nearer, possibly positives themselves, that are kept aside a record."""
    fallback: Fallback | None = None
    """Where the teacher is weak."""
    max_pool_rows: int = Field(default=1_000_000, ge=1)
    """Records of a pool; a larger one is divided at random, related records together."""
    cache: str | None = None
    """Folder for vectors and finished searches, which other runs may share; by default in the run's work folder."""
    on_shortage: OnShortage = "pad"
    """Too few negatives: fill up with random passages of the pool (`pad`), drop the record, keep it and repeat what it
    has, or look beyond `top_k` and drop it only if that does not help (`relax`)."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, values: Any) -> Any:
        preset = values.get("preset") if isinstance(values, Mapping) else None
        # Anything but a name goes on to be refused by its type: a list, say, is no key to look up.
        return {**PRESETS[preset], **values} if isinstance(preset, str) and preset in PRESETS else values

    @model_validator(mode="after")
    def _pools_add_up(self) -> Mining:
        quotas = [pool.negatives for pool in self.pools]
        if len(quotas) > 1 and None in quotas:
            raise ValueError("with several pools each needs `negatives`")
        total = sum(quota or self.num_negatives for quota in quotas)
        if total != self.num_negatives:
            raise ValueError(f"the pools' negatives are {total} in all, but num_negatives is {self.num_negatives}")
        if self.skip_rank >= self.top_k:
            raise ValueError(f"skip_rank {self.skip_rank} leaves nothing of top_k {self.top_k}")
        return self

    @model_validator(mode="after")
    def _rules_can_hold(self) -> Mining:
        lowest, highest = self.min_score, self.max_score
        if isinstance(lowest, float) and isinstance(highest, float) and lowest >= highest:
            raise ValueError(f"min_score {lowest:g} leaves nothing below max_score {highest:g}")
        if self.max_positive_rank is not None and self.max_positive_rank > self.top_k:
            raise ValueError(
                f"max_positive_rank {self.max_positive_rank} is beyond top_k {self.top_k}: ranks are not known there, "
                "and no record would be dropped"
            )
        return self

    @model_validator(mode="after")
    def _options_have_an_effect(self) -> Mining:
        if self.csls is not None and (self.teacher.model == LEXICAL or self.candidates == "lexical"):
            raise ValueError("`csls` ranks the neighbours of a teacher's vectors, and there are none")
        if self.max_positive_rank is not None and self.anchor == "positive":
            raise ValueError("`max_positive_rank` needs queries as anchors: a positive is not ranked beside itself")
        if self.max_positive_rank is not None and all(pool.scope == "other_languages" for pool in self.pools):
            raise ValueError("`max_positive_rank` needs a pool that holds the record's own positive")
        for task, count in self.negatives_by_task.items():
            if count > self.num_negatives:
                raise ValueError(f"negatives_by_task of {task} is {count}, but num_negatives is {self.num_negatives}")
        return self

    @model_validator(mode="after")
    def _quantiles_mean_something(self) -> Mining:
        asked = [value for value in (self.max_score, self.min_score) if isinstance(value, Quantile)]
        if self.anchor == "positive" and any(value.of == "positive" for value in asked):
            raise ValueError("a quantile of the positives' scores says nothing where each positive is its own anchor")
        return self

    @model_validator(mode="after")
    def _teacher_can(self) -> Mining:
        if self.teacher.model != LEXICAL:
            return self
        if any(pool.scope in ("query_language", "other_languages", "all", "source") for pool in self.pools):
            raise ValueError(
                "the teacher `lexical` compares texts of one language only: name a multilingual model, or use pools "
                "with the scope positive_language or source_language"
            )
        if self.fallback is not None:
            raise ValueError("`fallback` is for teachers other than `lexical`")
        if self.candidates != "dense":
            raise ValueError("`candidates` is for teachers other than `lexical`, whose candidates are lexical anyway")
        return self

"""The section `balance` of a config: how many rows of each language, task and source a release holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from curation.config.base import Name, Section, TaskType
from language_configs import resolve
from language_configs.bounds import Share

Method = Literal["temperature", "unimax"]
# Factors count to the sixth decimal, and rows to a trillion: their products fit into 64 bits.
PositiveShare = Annotated[float, Field(ge=1e-6, le=1.0)]
_Multiple = Annotated[float, Field(ge=0.0, le=1000.0)]
_Epochs = Annotated[float, Field(ge=1e-6, le=1000.0)]
_Rows = Annotated[int, Field(ge=0, le=10**12)]
_Cap = Annotated[int, Field(ge=1, le=10**12)]
WEIGHTS = ("proportion", "repeat", "choose")


class Weight(Section):
    """How much of something, stated in one of three ways; what states none shares by the method."""

    proportion: PositiveShare | None = None
    """Share of the rows; the others share what is left, and take up what it cannot fill."""
    repeat: _Multiple | None = None
    """Multiple of its own rows: 1 is all of them once, 0.5 half, 2 each twice, 0 none."""
    choose: _Rows | None = None
    """Number of rows."""

    @model_validator(mode="after")
    def _says_it_once(self) -> Weight:
        stated = [name for name in WEIGHTS if getattr(self, name) is not None]
        if len(stated) > 1:
            raise ValueError(f"{' and '.join(stated)} say the same in different ways: keep one of them")
        return self


class SourceQuota(Weight):
    """A source within each language; `choose` and `repeat` give way where a language gets too few rows.

    `proportion` is its share of the language's rows, or of those of its task, where tasks have weights.
    """

    max_share: PositiveShare | None = None
    """Greatest share of a language's rows; by default `max_source_share`."""


class TaskQuota(Weight):
    """A task type within each language, likewise."""


class LanguageQuota(Weight):
    """One language; `proportion` is its share of the budget, or of the rows of its block."""

    floor: _Rows | None = None
    """Least rows, as far as it has them; by default that of all."""
    cap: _Cap | None = None
    """Greatest number of rows; by default that of all."""
    max_epochs: _Epochs | None = None
    """Greatest number of times that a row is repeated; by default that of all."""
    max_source_share: PositiveShare | None = None
    """Greatest share of one source; by default that of all."""


class ProgrammingQuota(Weight):
    """Programming languages as a block of their own: its share of the budget, and how they share that."""

    method: Method | None = None
    """By default that of all."""
    temperature: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Likewise."""
    floor: _Rows | None = None
    """Least rows a programming language; by default that of all."""
    cap: _Cap | None = None
    """Greatest number of rows a programming language; by default that of all."""

    @model_validator(mode="after")
    def _says_how_much(self) -> ProgrammingQuota:
        if all(getattr(self, name) is None for name in WEIGHTS):
            raise ValueError(f"state how much: one of {', '.join(WEIGHTS)}")
        return self


class Balance(Section):
    """Quotas: training rows by language, and within a language by task and source."""

    method: Method = "temperature"
    """How languages share the budget: by their rows to a power, or alike as far as `max_epochs` allows (UniMax)."""
    temperature: float = Field(default=0.3, ge=0.0, le=1.0)
    """Exponent of a language's share: 1 keeps the natural shares, 0 makes all equal."""
    budget: _Cap | None = None
    """Training rows in the release; `null` keeps all."""
    max_epochs: _Epochs = 1.0
    """Greatest number of times that a language's rows are repeated to spend the budget."""
    floor: _Rows = 0
    """Least rows a language, as far as it has them."""
    cap: _Cap | None = None
    """Greatest number of rows a language."""
    max_source_share: PositiveShare | None = None
    """Greatest share of a language's rows from one source, so that no language is all Bible or all Wikipedia."""
    on_monoculture: Literal["fail", "keep", "drop"] = "fail"
    """A language whose sources are too few to stay below their shares: end the run, keep it all the same, or leave it
    out of training."""
    reserve: Share | None = None
    """Share of rows beyond the quota that are mined, to stand in for those that mining drops; by default 0.1 where a
    rule of mining drops records, and else 0.01."""
    languages: dict[str, LanguageQuota] = {}
    """Quotas of languages, by code."""
    programming: ProgrammingQuota | None = None
    """Programming languages as a block of their own; by default they are languages like any other."""
    tasks: dict[TaskType, TaskQuota] = {}
    """Weights of task types within each language."""
    sources: dict[Name, SourceQuota] = {}
    """Weights and bounds of sources within each language, by their names."""

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, values: dict[str, LanguageQuota]) -> dict[str, LanguageQuota]:
        named: dict[str, LanguageQuota] = {}
        for code, quota in values.items():
            found = resolve(code).code
            if found in named:
                raise ValueError(f"two keys mean {found}: put its quota under one")
            named[found] = quota
        return named

    @model_validator(mode="after")
    def _proportions_fit(self) -> Balance:
        for name, quotas in (("languages", self.languages), ("tasks", self.tasks), ("sources", self.sources)):
            total = sum(quota.proportion or 0.0 for quota in quotas.values())
            # Proportions are written in decimal, and their sum is not exact.
            if total > 1.0 + 1e-9:
                raise ValueError(f"the proportions of {name} are {total:g} in all; at most 1 can be shared out")
        return self

    @model_validator(mode="after")
    def _proportions_have_an_effect(self) -> Balance:
        quotas: list[tuple[str, Weight | None]] = [("programming", self.programming)]
        quotas += [*self.languages.items(), *self.tasks.items(), *self.sources.items()]
        stated = [name for name, quota in quotas if quota is not None and quota.proportion is not None]
        if stated and self.budget is None:
            raise ValueError(f"{stated[0]} has a proportion, but without a budget every row is kept: set `budget`")
        return self

    @model_validator(mode="after")
    def _bounds_fit(self) -> Balance:
        for code, quota in self.languages.items():
            floor = self.floor if quota.floor is None else quota.floor
            cap = self.cap if quota.cap is None else quota.cap
            if cap is not None and floor > cap:
                raise ValueError(f"{code}: the floor of {floor} rows is above its cap of {cap}")
        if self.programming is not None:
            floor = self.floor if self.programming.floor is None else self.programming.floor
            cap = self.cap if self.programming.cap is None else self.programming.cap
            if cap is not None and floor > cap:
                raise ValueError(f"programming: the floor of {floor} rows is above its cap of {cap}")
        if self.cap is not None and self.floor > self.cap:
            raise ValueError(f"the floor of {self.floor} rows is above the cap of {self.cap}")
        return self

    @property
    def is_bound(self) -> bool:
        """Whether any row may be left out or repeated."""
        limits = (self.budget, self.cap, self.max_source_share, self.programming)
        return any(limit is not None for limit in limits) or bool(self.languages or self.tasks or self.sources)

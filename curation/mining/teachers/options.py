"""Which teacher, and how it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from curation.errors import ConfigError

ModelDtype = Literal["float32", "bfloat16", "float16"]
_DTYPES = ("float32", "bfloat16", "float16")
_SECTION = "mining.teacher"


@dataclass(frozen=True, slots=True)
class TeacherOptions:
    """A teacher and every knob that changes its vectors, and three that change its speed alone.

    Attributes:
        spec: `ORG/MODEL@REVISION` with all 40 digits of the revision, a model's folder, or `vectors:PATH` for
            Parquet files of vectors (a file, a folder or a glob).
        query_prompt: text before each query; empty for none. By default the model's own.
        passage_prompt: text before each passage, likewise.
        query_prompt_name: the prompt of the queries, by the name that the model gives it.
        passage_prompt_name: the prompt of the passages, likewise.
        max_tokens: a longer text is cut there, prompt and special tokens included. By default where the model says.
        truncate_dim: the first dimensions alone, made unit vectors again: for models that were trained for it.
        dtype: of the weights and of what is computed with them.
        pickled_weights: also load weights that are not safetensors, by torch's restricted unpickler.
        batch_size: texts that go through the model at a time.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; by default the best there is.

    Raises:
        ConfigError: if a value cannot be; the message names it.
    """

    spec: str
    query_prompt: str | None = None
    passage_prompt: str | None = None
    query_prompt_name: str | None = None
    passage_prompt_name: str | None = None
    max_tokens: int | None = None
    truncate_dim: int | None = None
    dtype: ModelDtype = "float32"
    pickled_weights: bool = False
    batch_size: int = 64
    device: str | None = None

    def __post_init__(self) -> None:
        for name in ("max_tokens", "truncate_dim", "batch_size"):
            check_positive(name, getattr(self, name), _SECTION)
        check_dtype(self.dtype, _SECTION)
        for role in ("query", "passage"):
            text, name = getattr(self, f"{role}_prompt"), getattr(self, f"{role}_prompt_name")
            if text is not None and name is not None:
                raise ConfigError(
                    f"the teacher has two prompts for {role} texts",
                    where=_SECTION,
                    why=f"{role}_prompt is {text!r} and {role}_prompt_name is {name!r}",
                    hint=f"give the text or its name, and leave the other out: `{role}_prompt: null`",
                )


def check_positive(name: str, value: int | None, section: str) -> None:
    """Refuse a number below 1.

    Raises:
        ConfigError: naming the section, the name and the value.
    """
    if value is not None and value < 1:
        raise ConfigError(f"{name} must be at least 1", where=f"{section}.{name}", why=f"it is {value}")


def check_dtype(value: str, section: str) -> None:
    """Refuse a dtype that no model is loaded in.

    Raises:
        ConfigError: naming the section and the value.
    """
    if value not in _DTYPES:
        raise ConfigError(
            f"no model computes in {value!r}", where=f"{section}.dtype", hint=f"one of {', '.join(_DTYPES)}"
        )

"""Teachers that are sentence-transformers models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from curation.errors import ConfigError, CurationError
from curation.mining.keys import Keys
from curation.mining.ragged import Rows
from curation.mining.search.candidates import Vectors
from curation.mining.teachers.base import Identity, Role, unit_rows
from curation.mining.teachers.model_files import (
    ModelFiles,
    find_model,
    finite_length,
    library_versions,
    loading_failed,
)
from curation.mining.teachers.options import TeacherOptions

_WHERE = "mining.teacher"
_OWN_PROMPTS: Mapping[Role, tuple[str, ...]] = {"query": ("query",), "passage": ("document", "passage", "corpus")}


class SentenceTransformerTeacher:
    """A sentence-transformers model, from the Hub at a pinned revision or from a folder (also of our own trainer).

    Code that a model brings along is never run, and its weights are safetensors unless the options allow others.

    Args:
        options: which model, and how it is used.

    Raises:
        ConfigError: if the options name no model, or ask it for what it does not have.
        CurationError: if the package is not installed, or the model cannot be loaded.
    """

    def __init__(self, options: TeacherOptions) -> None:
        self._options = options
        self._files = find_model(options.spec, f"{_WHERE}.model", pickled_weights=options.pickled_weights)
        self._model = _load(options, self._files)
        self._max_tokens = _limit_tokens(self._model, options)
        self._dimensions = _limit_dimensions(self._model, options)
        self._prompts: dict[Role, str] = {role: _prompt(self._model, options, role) for role in _OWN_PROMPTS}

    @property
    def name(self) -> str:
        """`ORG/MODEL@REVISION`, or the folder's name and the digest of its files."""
        return self._files.name

    @property
    def dimensions(self) -> int:
        """Length of a vector, d."""
        return self._dimensions

    def identity(self, role: Role) -> Identity:
        """Return the model, how it is used for the role, and the libraries it runs on.

        Queries and passages have the same identity, and so share vectors, where they have the same prompt and the
        model has no separate branch for each.
        """
        return {
            **self._files.identity,
            "prompt": self._prompts[role],
            "branch": role if _has_branches(self._model) else None,
            "max_tokens": self._max_tokens,
            "dimensions": self._dimensions,
            "dtype": self._options.dtype,
            "libraries": library_versions(),
        }

    def order(self, keys: Keys, role: Role) -> Rows:
        """Return the texts' own order: the library sorts each call by length."""
        return np.arange(len(keys), dtype=np.int64)

    def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return one unit vector, or a row of NaN, for each of n texts, float32, shape (n, d). See `Teacher`.

        Raises:
            CurationError: if the model fails (most often for want of memory).
        """
        if not len(texts):
            return np.empty((0, self._dimensions), dtype=np.float32)
        encode = self._model.encode_query if role == "query" else self._model.encode_document
        try:
            vectors = encode(
                list(texts),
                prompt=self._prompts[role],
                batch_size=self._options.batch_size,
                show_progress_bar=False,
                convert_to_tensor=True,
                normalize_embeddings=False,
            )
        except (RuntimeError, IndexError, ValueError, MemoryError) as error:
            raise _embedding_failed(self._options, role, len(texts), error) from error
        return unit_rows(vectors.float().cpu().numpy())


def _load(options: TeacherOptions, files: ModelFiles) -> Any:
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise CurationError(
            f"the teacher {options.spec!r} needs sentence-transformers",
            where=_WHERE,
            why=str(error),
            hint="pip install 'ml-embed-curation[hub-teacher]', or set mining.teacher to `lexical`",
        ) from error
    dtype = getattr(torch, options.dtype)
    weights = {} if options.pickled_weights else {"use_safetensors": True}
    try:
        model = SentenceTransformer(
            files.place,
            revision=files.revision,
            local_files_only=files.revision is None,
            trust_remote_code=False,
            device=options.device,
            truncate_dim=options.truncate_dim,
            model_kwargs={"torch_dtype": dtype, **weights},
        )
        # The dtype in `model_kwargs` is for transformers alone; heads and static embeddings have weights, too.
        return model.to(dtype).eval()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, AttributeError, TypeError) as error:
        raise loading_failed(options.spec, _WHERE, error) from error


def _limit_tokens(model: Any, options: TeacherOptions) -> int | None:
    """Cut texts where the options say, and return where they are cut; None if nowhere."""
    wanted = options.max_tokens
    if wanted is not None:
        longest = _longest(model)
        if longest is None:
            raise _cannot(options, "max_tokens", wanted, "its first module does not cut texts", "leave max_tokens out")
        if wanted > longest:
            raise _cannot(options, "max_tokens", wanted, f"it has {longest} positions", f"at most {longest}")
        model.max_seq_length = wanted
    return finite_length(model.max_seq_length)


def _longest(model: Any) -> int | None:
    """Return how many tokens the model has positions for; None where texts are not cut at all."""
    if finite_length(model.max_seq_length) is None:
        return None
    network = getattr(model[0], "auto_model", None)
    positions = getattr(getattr(network, "config", None), "max_position_embeddings", None)
    return max(int(positions or 0), int(model.max_seq_length))


def _limit_dimensions(model: Any, options: TeacherOptions) -> int:
    measured = model.encode_query(["a"], convert_to_tensor=True, show_progress_bar=False).shape[-1]
    if options.truncate_dim is not None and measured != options.truncate_dim:
        reason = f"its vectors have {measured} dimensions"
        raise _cannot(options, "truncate_dim", options.truncate_dim, reason, f"at most {measured}")
    return int(measured)


def _prompt(model: Any, options: TeacherOptions, role: Role) -> str:
    """Return the text before each text of a role: the options' own, the one that they name, or the model's."""
    text = options.query_prompt if role == "query" else options.passage_prompt
    name = options.query_prompt_name if role == "query" else options.passage_prompt_name
    if text is not None:
        return text
    prompts: Mapping[str, str | None] = model.prompts
    if name is None:
        return next((prompt for own in _OWN_PROMPTS[role] if (prompt := prompts.get(own))), "")
    if name not in prompts:
        names = ", ".join(f"`{own}`" for own in prompts) or "none"
        raise _cannot(options, f"{role}_prompt_name", name, f"it has {names}", "take one of these, or give the text")
    return prompts[name] or ""


def _has_branches(model: Any) -> bool:
    return any(type(module).__name__ in ("Router", "Asym") for module in model)


def _cannot(options: TeacherOptions, option: str, value: object, why: str, hint: str) -> ConfigError:
    return ConfigError(
        f"the teacher {options.spec!r} cannot be used with {option} {value!r}",
        where=f"{_WHERE}.{option}",
        why=why,
        hint=hint,
    )


def _embedding_failed(options: TeacherOptions, role: Role, count: int, error: Exception) -> CurationError:
    return CurationError(
        f"the teacher {options.spec!r} failed on {count:,} {role} texts",
        where=_WHERE,
        why=f"{type(error).__name__}: {error}",
        hint=f"if memory ran out, set batch_size below {options.batch_size} or max_tokens; finished blocks are kept",
    )

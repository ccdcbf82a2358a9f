from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import SENTENCES

from curation.errors import CurationError
from curation.mining.keys import KEY_BYTES, Lookup, join_keys, text_keys

TEXTS = [*SENTENCES, "", "\0", "a\0", "a", "\U0010ffff"]


def forms() -> dict[str, object]:
    padded = pa.array(["before", *TEXTS, "after"])
    return {
        "list": TEXTS,
        "string": pa.array(TEXTS, pa.string()),
        "large": pa.array(TEXTS, pa.large_string()),
        "slice": padded.slice(1, len(TEXTS)),
        "chunks": pa.chunked_array([TEXTS[:4], [], TEXTS[4:]]),
    }


@pytest.mark.parametrize("form", forms())
def test_a_key_is_the_hash_of_the_bytes_in_every_form(form: str) -> None:
    expected = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in TEXTS]
    keys = text_keys(forms()[form])  # type: ignore[arg-type]
    assert keys.tobytes() == b"".join(expected)
    assert len(keys) == len(set(keys.tolist())) == len(TEXTS)


@pytest.mark.parametrize("empty", [[], pa.array([], pa.string()), pa.array(["a"]).slice(1)])
def test_no_texts_have_no_keys(empty: object) -> None:
    assert text_keys(empty).shape == (0,)  # type: ignore[arg-type]


def test_empty_texts_alone_have_keys() -> None:
    assert len(set(text_keys(pa.array(["", ""])).tolist())) == 1


def test_a_null_is_named() -> None:
    with pytest.raises(CurationError, match=r"null[\s\S]*row 1 \(and 1 more\)"):
        text_keys(pa.array(["a", None, "b", None]))


# Few distinct bytes, zero among them, so that keys share beginnings and ends.
some_keys = st.lists(st.lists(st.sampled_from([0, 1, 255]), min_size=KEY_BYTES, max_size=KEY_BYTES).map(bytes))


@given(some_keys, some_keys)
def test_a_lookup_finds_the_first_row_of_each_key(held: list[bytes], asked: list[bytes]) -> None:
    asked = asked + held[::2]
    found = Lookup.of(join_keys(held)).find(join_keys(asked))
    assert found.tolist() == [held.index(key) if key in held else -1 for key in asked]
    assert found.dtype == np.int64

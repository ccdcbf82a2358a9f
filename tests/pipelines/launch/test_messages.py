from __future__ import annotations

import io

import pytest

from curation.errors import CurationError, SourceError
from pipelines.launch.messages import Answer, Hello, receive, send


@pytest.mark.parametrize("message", [Hello("узел-7", "12"), Answer(None)])
def test_there_and_back(message: Hello | Answer) -> None:
    stream = io.BytesIO()
    send(stream, message)
    assert stream.getvalue().count(b"\n") == 1
    assert receive(io.BytesIO(stream.getvalue())) == message


def test_an_error_keeps_its_kind_and_its_words() -> None:
    stream = io.BytesIO()
    send(stream, Answer(SourceError("Что", where="फ़ाइल:3", why="ทำไม", hint="次")))
    answer = receive(io.BytesIO(stream.getvalue()))
    assert isinstance(answer.error, SourceError)
    assert isinstance(answer.error, CurationError)
    assert answer.error.args == ("Что", "फ़ाइल:3", "ทำไม", "次")


@pytest.mark.parametrize("noise", [b"", b"\n", b"Loading python/3.11\n", "добро пожаловать\n".encode()])
def test_noise_is_skipped(noise: bytes) -> None:
    stream = io.BytesIO()
    send(stream, Answer(None))
    assert receive(io.BytesIO(noise + stream.getvalue())) == Answer(None)


def test_a_line_that_was_cut_is_the_end() -> None:
    stream = io.BytesIO()
    send(stream, Hello("node", ""))
    assert receive(io.BytesIO(stream.getvalue()[:-1])) is None
    assert receive(io.BytesIO(b"")) is None

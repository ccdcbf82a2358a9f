"""Object stores in memory that answer some requests with an error, or all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

REQUESTS = ("info", "ls", "cat_file", "put_file", "get_file", "rm", "modified")


class Unsteady(MemoryFileSystem):  # type: ignore[misc]
    """A store whose requests fail by chance, before they are done or after.

    Attributes:
        share: of the requests that fail.
        error: what they fail with.
        asked: how often each request was made.
        failed: how many failed.
    """

    protocol = "unsteady"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    share: ClassVar[float] = 0.0
    error: ClassVar[Callable[[], Exception]]
    asked: ClassVar[Counter[str]] = Counter()
    failed: ClassVar[int] = 0
    drawn: ClassVar[random.Random]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(str(path).removeprefix("unsteady://")))


def _request(name: str) -> Callable[..., Any]:
    def ask(self: Unsteady, *values: Any, **named: Any) -> Any:
        fails, before = Unsteady.drawn.random() < Unsteady.share, Unsteady.drawn.random() < max(0.5, Unsteady.share)
        Unsteady.asked[name] += 1
        Unsteady.failed += fails
        if fails and before:
            raise Unsteady.error()
        found = getattr(MemoryFileSystem, name)(self, *values, **named)
        if fails:
            raise Unsteady.error()
        return found

    return ask


for _name in REQUESTS:
    setattr(Unsteady, _name, _request(_name))
fsspec.register_implementation("unsteady", Unsteady, clobber=True)


@contextmanager
def failing(
    share: float, error: Callable[[], Exception] = lambda: TimeoutError("no answer")
) -> Iterator[type[Unsteady]]:
    """Let this share of the requests to `unsteady://` fail, with one seed."""
    Unsteady.share, Unsteady.error, Unsteady.drawn = share, staticmethod(error), random.Random(3)  # type: ignore[assignment]
    Unsteady.asked, Unsteady.failed = Counter(), 0
    try:
        yield Unsteady
    finally:
        Unsteady.share = 0.0

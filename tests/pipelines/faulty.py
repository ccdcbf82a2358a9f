"""A store that fails now and then, or is slow: fsspec's local file system behind a URL, with faults before requests."""

from __future__ import annotations

import os
import random
import time
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

# Of the environment, so that worker processes have the same faults.
SHARE, PAUSE = "FAULTY_SHARE", "FAULTY_PAUSE_S"
_RANDOM = random.Random(os.getpid())


class FaultyFileSystem(LocalFileSystem):
    protocol = "faulty"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"auto_mkdir": True})

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return LocalFileSystem._strip_protocol(str(path).removeprefix("faulty://"))


def _with_faults(name: str) -> None:
    sound = getattr(LocalFileSystem, name)

    def request(self: FaultyFileSystem, *args: Any, **kwargs: Any) -> Any:
        time.sleep(float(os.environ.get(PAUSE, "0")))
        if _RANDOM.random() < float(os.environ.get(SHARE, "0")):
            raise ConnectionError("503 Service Unavailable")
        return sound(self, *args, **kwargs)

    setattr(FaultyFileSystem, name, request)


for _name in ("cat_file", "put_file", "get_file", "ls", "isfile", "size", "rm", "du", "modified"):
    _with_faults(_name)
fsspec.register_implementation("faulty", FaultyFileSystem, clobber=True)

"""A step that runs nowhere but beside the same code that launched it."""

from __future__ import annotations

import apache_beam as beam

from curation.code import code_digest
from curation.errors import CurationError


class SameCodeDoFn(beam.DoFn):  # type: ignore[misc]
    """The base of every step: a worker whose packages or language files are others refuses to work.

    Steps travel by name, so that a container that was built from other code would do other work under the same
    digests. Every worker looks once a process, for `code_digest` remembers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.code = code_digest()

    def setup(self) -> None:
        """Compare the code of this process with the launcher's.

        Raises:
            CurationError: if they differ.
        """
        here = code_digest()
        if here != self.code:
            raise CurationError(
                "A worker has other code than the program that started the run",
                why=f"the packages and language files have the digest {here[:16]} there and {self.code[:16]} here",
                hint="build the workers' container from the code that is installed here, language files included",
            )

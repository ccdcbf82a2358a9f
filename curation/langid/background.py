"""Real lines in many languages that come with the installation, to compare a language with."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from curation.config.model import GettextSource
from curation.errors import ConfigError
from curation.sources import list_files, read_file

_BATCH_ROWS = 16_384


def django_messages() -> tuple[pa.Array, list[str]]:
    """Return the translated messages of Django's catalogues and their language codes, shape (n,), some 60,000.

    Raises:
        ConfigError: if Django is not installed.
    """
    source = GettextSource(
        name="django",
        licence="BSD-3-Clause",
        task="bitext",
        format="gettext",
        path="package:django/**/LC_MESSAGES/*.po",
    )
    try:
        files = list_files(source, Path())
    except ConfigError:
        hint = "pip install 'ml-embed-curation[demo]', or give a table of lines with --others"
        raise ConfigError("There are no lines in other languages to compare with", hint=hint) from None
    batches = [batch.rows for file in files for batch in read_file(source, file, batch_rows=_BATCH_ROWS)]
    table = pa.Table.from_batches(batches)
    return table["positive"].combine_chunks(), table["positive_language"].to_pylist()

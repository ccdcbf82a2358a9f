"""Why a record is in one release and not in another: what the other run's ledger says about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.errors import ReleaseError
from curation.release.diff.columns import fixed, id_bytes, ids_of, places

_BATCH_ROWS = 1 << 20


def ledger_rules(keys: pa.Array, ledger: Path, stages: Sequence[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Find the rules of a run that removed some records.

    Args:
        keys: keys of the records, fixed-size binary (n,), see `curation.release.diff.columns.numbered`.
        ledger: folder of the run's ledger.
        stages: the run's stages in order. Of a record that was read several times the latest stage counts: it took
            the last of them.

    Returns:
        For each record the number of its rule, int64 (n,), -1 where the ledger does not know it; and the rules,
        `stage/reason`.

    Raises:
        ReleaseError: if a file of the ledger cannot be read.
    """
    encoded = fixed(ids_of(keys)).dictionary_encode()
    wanted, rules = encoded.dictionary, dict[str, int]()
    found = np.full(len(wanted), -1, dtype=np.int64)
    for file in sorted(ledger.glob("*.parquet"), key=lambda path: (_place(path.stem, stages), path.name)):
        try:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS, columns=["id", "stage", "reason"]):
                at = places(fixed(id_bytes(batch.column("id"))), wanted)
                known = at >= 0
                found[at[known]] = _rules(batch.filter(pa.array(known)), rules)
        except (OSError, KeyError, pa.ArrowException) as error:
            what, hint = "A file of the ledger cannot be read", "name another in curate diff, --ledger-a or --ledger-b"
            raise ReleaseError(what, where=str(file), why=str(error), hint=hint) from error
    return found[encoded.indices.to_numpy()], list(rules)


def _place(stage: str, stages: Sequence[str]) -> int:
    return stages.index(stage) if stage in stages else -1


def _rules(batch: pa.RecordBatch, rules: dict[str, int]) -> npt.NDArray[np.int64]:
    names = pc.binary_join_element_wise(batch.column("stage"), batch.column("reason"), "/").dictionary_encode()
    numbers = [rules.setdefault(name, len(rules)) for name in names.dictionary.to_pylist()]
    return np.asarray(np.array(numbers, dtype=np.int64)[names.indices.to_numpy()])

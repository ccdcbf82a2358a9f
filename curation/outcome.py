"""What every stage returns: the records that go on, and a ledger row for each that does not."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from curation.ledger import empty_ledger


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one stage on one batch or partition.

    Attributes:
        records: the records that go on, with the columns that the stage added.
        ledger: one row of `LEDGER_SCHEMA` for each record that does not.
    """

    records: pa.Table
    ledger: pa.Table

    @classmethod
    def keep(cls, records: pa.Table) -> Outcome:
        """Return the outcome in which every record goes on."""
        return cls(records, empty_ledger())

    @classmethod
    def join(cls, records: pa.Table, *ledgers: pa.Table) -> Outcome:
        """Return the outcome of `records` and several pieces of ledger."""
        return cls(records, pa.concat_tables([empty_ledger(), *ledgers]))

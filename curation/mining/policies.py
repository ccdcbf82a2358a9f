"""What each source wants done about records that too few hard negatives are found for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curation.config.mining import Mining, OnShortage
from curation.config.model import BaseSource

Strings = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Policies:
    """What happens to records that too few hard negatives are found for.

    Attributes:
        default: the run's policy.
        by_source: that of the sources that have one of their own.
    """

    default: OnShortage
    by_source: Mapping[str, OnShortage]

    @classmethod
    def of(cls, sources: Sequence[BaseSource], options: Mining) -> Policies:
        """Return the policies that a config declares."""
        declared = {source.name: source.on_shortage for source in sources if source.on_shortage is not None}
        return cls(options.on_shortage, declared)

    def of_records(self, records: pa.Table) -> Strings:
        """Return the policy of each record, strings, shape (n,)."""
        sources = records.column("source").to_pylist()
        return np.array([self.by_source.get(source, self.default) for source in sources], dtype=object)

    def may_drop(self, options: Mining) -> bool:
        """Tell whether a record may be dropped for want of negatives, or of consistency."""
        return options.max_positive_rank is not None or bool(
            {self.default, *self.by_source.values()} & {"drop", "relax"}
        )

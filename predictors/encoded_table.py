"""A measured table with the encodings of its architectures."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.encodings.shared import Encoded, EncodedRows, encode_all
from tasks.benchmarks.table import BenchmarkTable


@dataclass(frozen=True, slots=True)
class EncodedTable(BenchmarkTable):
    """A table beside which the encodings lie that predictors will ask for.

    They are computed once, where the table is, and travel with it: in Ray's object store all
    workers of a node read one copy. Fits and queries do not encode their architectures again, and no
    time is booked for it. Per architecture that would be 3 microseconds for Weisfeiler-Lehman
    features and token sequences, and less than 1 for the others. Encodings of which a table would have
    more than ``encodings.shared.MAX_BYTES`` are made by each fit and query, in its own time.

    Attributes:
        encodings: Name -> encoding of every architecture, as ``encode_all`` returns them.
    """

    encodings: Mapping[str, Encoded] = field(default_factory=dict)

    @classmethod
    def of(cls, table: BenchmarkTable, names: Set[str]) -> EncodedTable:
        """Return the table with the named encodings, as far as its space has them."""
        columns: dict[str, Any] = {item.name: getattr(table, item.name) for item in fields(BenchmarkTable)}
        return cls(**columns, encodings=encode_all(table.space, table.codes, set(names)))

    def encoded(self, rows: NDArray[np.int64]) -> EncodedRows:
        """Return the encodings of some rows; nothing is copied before they are asked for."""
        return EncodedRows(self.encodings, rows)

"""Execution is at least once, reading is exactly once: which of several rows counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ("key", "status", "finished_at")
"""What ``newest`` looks at."""

_OLDEST = np.iinfo(np.int64).min


def newest(table: pa.Table) -> pa.Array:
    """Return a boolean mask that keeps one row per key.

    An ok row beats any other, then the newest ``finished_at`` wins (null is oldest), then any
    status beats ``lost``, then the later row of the table wins. The order of these rules is a
    total preorder of rows, so rows may be dropped in stages, in any grouping.

    Args:
        table: Any number of rows with the columns ``COLUMNS``.
    """
    codes = _codes(table["key"])
    repeated = np.flatnonzero(np.bincount(codes)[codes] > 1)  # usually few: sort only these
    keep = np.ones(len(codes), dtype=bool)
    if len(repeated):
        status = table["status"]
        ok = _flags(pc.equal(status, "ok"))[repeated]
        not_lost = _flags(pc.not_equal(status, "lost"))[repeated]
        micros = table["finished_at"].cast(pa.int64()).fill_null(_OLDEST).to_numpy()[repeated]
        group = codes[repeated]
        order = np.lexsort((not_lost, micros, ok, group))  # stable, the last argument is primary
        group = group[order]
        keep[repeated] = False
        keep[repeated[order[np.append(group[1:] != group[:-1], True)]]] = True
    return pa.array(keep)


def last_part(table: pa.Table, part: npt.NDArray[np.int64]) -> pa.Array:
    """Return a boolean mask that keeps, of each key, the rows from one part file.

    Predictions of one key are many rows, written together. Where a key was run twice, its rows
    in the last file count.

    Args:
        table: Rows with the column ``key``.
        part: Number of the file that each row is from.
    """
    codes = _codes(table["key"])
    last = np.full(int(codes.max(initial=-1)) + 1, -1, dtype=np.int64)
    np.maximum.at(last, codes, part)
    return pa.array(last[codes] == part)


def _codes(keys: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return one small integer per row, equal for equal keys."""
    # Not dictionary_encode().unify_dictionaries(): quadratic in the number of chunks.
    codes = pc.index_in(keys, value_set=pc.unique(keys))
    return np.asarray(codes.to_numpy(), dtype=np.int64)


def _flags(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(values.fill_null(fill_value=False).to_numpy(), dtype=bool)

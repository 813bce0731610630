"""From rows, where something may be missing, to columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def complete(rows: Sequence[Mapping[str, Any]], *, skip: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Return the columns that every row has a value for, in the order of the first row.

    Args:
        rows: One mapping from column to value per architecture; None is "not known".
        skip: Columns to leave out.
    """
    names = [name for name in rows[0] if name not in skip]
    columns = {name: [row.get(name) for row in rows] for name in names}
    return {name: values for name, values in columns.items() if all(value is not None for value in values)}

"""Codes of architectures, checked against the layout of their space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.spaces.base import (
    CellPairLayout,
    Codes,
    EdgeLayout,
    RecurrentLayout,
    SearchSpace,
    VertexLayout,
    code_length,
)


def checked_codes(space: SearchSpace, codes: Codes) -> Codes:
    """Return the codes as an array.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    codes = np.asarray(codes)
    width, low, high = _code_ranges(space)
    if codes.ndim != 2 or codes.shape[1] != width:
        raise InputError(f"{space.name}: codes have shape {codes.shape}, expected (n, {width})")
    bad = np.argwhere((codes < low) | (codes > high))
    if bad.size:
        row, column = (int(index) for index in bad[0])
        raise InputError(
            f"{space.name}: code {codes[row, column]} in row {row}, column {column} is not in "
            f"[{low[column]}, {high[column]}]"
        )
    if isinstance(space.layout, CellPairLayout):
        first, second = codes[:, ::4], codes[:, 2::4]
        for row, node in np.argwhere(first >= second)[:1]:
            raise InputError(
                f"{space.name}: the predecessors in row {row}, columns {4 * node} and {4 * node + 2} are "
                f"{first[row, node]} and {second[row, node]}, must be different and in ascending order"
            )
    return codes


def _code_ranges(space: SearchSpace) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Return the code length and the smallest and largest legal code of each column."""
    layout = space.layout
    operations = len(layout.operations)
    if isinstance(layout, EdgeLayout):
        width = len(layout.edges)
        return width, np.zeros(width, dtype=np.int64), np.full(width, operations - 1)
    if isinstance(layout, CellPairLayout):
        return code_length(layout), *_pair_ranges(layout)
    if isinstance(layout, RecurrentLayout):
        last_node = layout.states + layout.nodes
        high = np.full(code_length(layout), last_node)
        high[: layout.nodes] = operations - 1
        return len(high), np.full(len(high), -1), high
    if not isinstance(layout, VertexLayout):
        raise InputError(f"{space.name}: its cells have no encoding")
    bits = layout.vertices * (layout.vertices - 1) // 2
    low = np.concatenate([np.zeros(bits, dtype=np.int64), np.full(layout.vertices, -1)])
    high = np.concatenate([np.ones(bits, dtype=np.int64), np.full(layout.vertices, operations - 1)])
    return len(low), low, high


def _pair_ranges(layout: CellPairLayout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the smallest and largest code of each column, of two pairs per node and cell."""
    nodes = np.arange(layout.nodes)
    low = np.zeros((layout.nodes, 4), dtype=np.int64)
    high = np.full((layout.nodes, 4), len(layout.operations) - 1)
    # Of the two inputs and the earlier nodes, the first predecessor is not the last one possible.
    low[:, 2], high[:, 0], high[:, 2] = 1, nodes, nodes + 1
    return np.tile(low.ravel(), 2), np.tile(high.ravel(), 2)

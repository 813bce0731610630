"""Pruned and representative forms of NAS-Bench-101 cells, for whole batches.

Arrays hold cells in slots: the input in the first, the output in the last, absent vertices with
operation code -1 and without arcs.
"""

from __future__ import annotations

from itertools import permutations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.dag import ABSENT
from tasks.spaces.graph_hash import on_path

Adjacency: TypeAlias = NDArray[np.bool_]
"""Upper triangular, shape (n, v, v)."""

Operations: TypeAlias = NDArray[np.int16]
"""Operation codes, shape (n, v)."""


def arcs_on_paths(adjacency: Adjacency) -> Adjacency:
    """Return the arcs that are on paths from input to output; none if there is no path."""
    live = on_path(adjacency)
    return np.asarray(adjacency & live[:, :, None] & live[:, None, :])


def prune(adjacency: Adjacency, operations: Operations) -> tuple[Adjacency, Operations]:
    """Return the cells without what is on no path; vertices keep their order and close up."""
    arcs = arcs_on_paths(adjacency)
    dead = np.asarray(~(arcs.any(axis=1) | arcs.any(axis=2)))
    order = np.argsort(dead[:, 1:-1], axis=1, kind="stable") + 1
    present = operations.copy()
    present[dead] = ABSENT
    return _renumbered(arcs, present, order)


def representatives(adjacency: Adjacency, operations: Operations) -> tuple[Adjacency, Operations]:
    """Return the isomorphic form under which the benchmark enumerated and trained each cell.

    The benchmark's authors enumerated all cells of n vertices by wiring, then by operations, and
    kept the first of each isomorphism class. The wiring is a binary number whose most significant
    digits are the arcs into the output, then those into the vertex before it, and so on, arcs from
    later vertices first; operations are ordered lexicographically. The form matters where channels
    are not divisible by the number of vertices that are concatenated: the first ones get one more.

    Args:
        adjacency: Of pruned cells.
        operations: Of pruned cells.
    """
    n, v = operations.shape
    if v < 4:
        return adjacency, operations  # not more than one inner vertex, hence one order
    inner = operations[:, 1:-1].astype(np.int64) - ABSENT
    base = int(inner.max(initial=0)) + 1
    orders = np.array(list(permutations(range(1, v - 1))))
    best = np.full(n, np.iinfo(np.int64).max)
    chosen = np.zeros(n, dtype=np.int64)
    # Column by column: (source, target) of the binary digits, the least significant one first.
    target, source = np.tril_indices(v, -1)
    for number, order in enumerate(orders):
        slots = np.array([0, *order, v - 1])
        # An absent vertex has no arcs, so a form with one before a present vertex is never the first.
        wiring = adjacency[:, slots[source], slots[target]] @ (np.int64(1) << np.arange(source.size))
        labels = inner[:, order - 1] @ (base ** np.arange(v - 3, -1, -1, dtype=np.int64))
        # Every arc must still go from a lower to a higher vertex.
        backward = adjacency[:, slots[target], slots[source]].any(axis=1)
        rank = np.where(backward, best, wiring * base ** (v - 2) + labels)
        better = rank < best
        best[better], chosen[better] = rank[better], number
    return _renumbered(adjacency, operations, orders[chosen])


def _renumbered(
    adjacency: Adjacency, operations: Operations, order: NDArray[np.int64]
) -> tuple[Adjacency, Operations]:
    """Return the cells with their inner vertices in another order, shape (n, v - 2)."""
    n, v = operations.shape
    slots = np.concatenate([np.zeros((n, 1), np.int64), order, np.full((n, 1), v - 1)], axis=1)
    rows = np.arange(n)[:, None]
    return adjacency[rows[:, :, None], slots[:, :, None], slots[:, None, :]], operations[rows, slots]

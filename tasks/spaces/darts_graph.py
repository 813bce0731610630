"""Pairs of DARTS cells as graphs with an operation on each vertex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.darts_parts import CELLS, INPUTS, NODES, PAIRS

CELL_VERTICES = INPUTS + NODES * PAIRS + 1
"""Two inputs, one vertex per pair in the order of the codes, output: 11."""


def cell_adjacency(sources: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return the arcs of single cells, bool, shape (n, 11, 11), upper triangular.

    A pair hears its input, or both pairs of the node that it starts from; all pairs lead to the output.

    Args:
        sources: Predecessors, shape (n, 4, 2).
    """
    n = len(sources)
    # Vertices by what they belong to: the inputs 0 and 1, then both pairs of node 2, of node 3, ...
    owner = np.array([0, 1, *(node + INPUTS for node in range(NODES) for _ in range(PAIRS))])
    arcs = np.zeros((n, CELL_VERTICES, CELL_VERTICES), dtype=np.bool_)
    arcs[:, :-1, INPUTS:-1] = owner[:, None] == sources.reshape(n, 1, NODES * PAIRS)
    arcs[:, INPUTS:-1, -1] = True
    return arcs


def merged_adjacency(sources: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return both cells side by side, without an arc between them, bool, shape (n, 22, 22).

    Args:
        sources: Predecessors, shape (n, 2, 4, 2).
    """
    n, v = len(sources), CELL_VERTICES
    arcs = np.zeros((n, CELLS * v, CELLS * v), dtype=np.bool_)
    for cell in range(CELLS):
        block = slice(cell * v, (cell + 1) * v)
        arcs[:, block, block] = cell_adjacency(sources[:, cell])
    return arcs

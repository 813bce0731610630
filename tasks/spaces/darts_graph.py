"""Pairs of DARTS cells as graphs with an operation on each vertex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.darts_parts import CELLS, INPUTS, PAIRS


def cell_adjacency(sources: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return the arcs of single cells, bool, shape (n, 11, 11) for four nodes, upper triangular.

    Vertices are two inputs, one per pair in the order of the codes, output. A pair hears its input, or
    both pairs of the node that it starts from; all pairs lead to the output.

    Args:
        sources: Predecessors, shape (n, nodes, 2).
    """
    n, nodes, _ = sources.shape
    # What vertices belong to: the inputs 0 and 1, then both pairs of node 2, of node 3, ...
    owner = np.concatenate([np.arange(INPUTS), INPUTS + np.repeat(np.arange(nodes), PAIRS)])
    arcs = np.zeros((n, len(owner) + 1, len(owner) + 1), dtype=np.bool_)
    arcs[:, :-1, INPUTS:-1] = owner[:, None] == sources.reshape(n, 1, nodes * PAIRS)
    arcs[:, INPUTS:-1, -1] = True
    return arcs


def merged_adjacency(sources: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return both cells side by side without an arc between them, bool, (n, 22, 22) for four nodes.

    Args:
        sources: Predecessors, shape (n, 2, nodes, 2).
    """
    cells = [cell_adjacency(sources[:, cell]) for cell in range(CELLS)]
    n, v, _ = cells[0].shape
    arcs = np.zeros((n, CELLS * v, CELLS * v), dtype=np.bool_)
    for cell, block in enumerate(cells):
        arcs[:, cell * v : (cell + 1) * v, cell * v : (cell + 1) * v] = block
    return arcs

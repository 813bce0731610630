"""Canonical forms of DARTS cells: the smallest of the forms in which their nodes can be numbered."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes
from tasks.spaces.darts_parts import CELLS, INPUTS, NODES, OPERATIONS, operations, predecessors

_BATCH = 4096
"""Cells at a time, each in 24 forms; keeps the arrays in the processor's cache."""

_PLACES = np.array(list(permutations(range(NODES))), dtype=np.int16)
"""Row r gives node i the number _PLACES[r, i]."""

_PREDECESSORS = NODES + INPUTS - 1
_NODE_FORMS = _PREDECESSORS**2 * len(OPERATIONS) ** 2
"""Bound of the number that stands for a node with its two pairs."""


def canonical_forms(codes: Codes) -> list[str]:
    """Return 22 hexadecimal digits per architecture, equal exactly for isomorphic pairs of cells.

    Args:
        codes: Shape (n, 32); the order of a node's two pairs has no effect.
    """
    source = predecessors(codes).reshape(-1, NODES, 2)
    operation = operations(codes).reshape(-1, NODES, 2)
    parts = [
        _smallest(source[start : start + _BATCH], operation[start : start + _BATCH])
        for start in range(0, len(source), _BATCH)
    ]
    numbers = np.concatenate([np.zeros(0, dtype=np.int64), *parts]).reshape(-1, CELLS)
    return [f"{normal:011x}{reduction:011x}" for normal, reduction in numbers.tolist()]


def _smallest(source: NDArray[np.int16], operation: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return, per cell, the smallest number over all orders of its nodes, shape (n,).

    Args:
        source: Predecessors, shape (n, 4, 2).
        operation: Codes, shape (n, 4, 2).
    """
    inputs = np.tile(np.arange(INPUTS, dtype=np.int16), (len(_PLACES), 1))
    renamed = np.concatenate([inputs, _PLACES + INPUTS], axis=1)[:, source]
    # Sources must stay in front of what they feed.
    possible = (renamed < (_PLACES + INPUTS)[:, None, :, None]).all(axis=(2, 3))
    # Shape (24, n, 4): the two pairs of a node as one number, whatever their order.
    pair = renamed.astype(np.int64) * len(OPERATIONS) + operation
    node = pair.min(axis=-1) * (_PREDECESSORS * len(OPERATIONS)) + pair.max(axis=-1)
    weights = _NODE_FORMS ** (NODES - 1 - _PLACES.astype(np.int64))
    number = (node * weights[:, None, :]).sum(axis=-1)
    return np.asarray(np.where(possible, number, np.iinfo(np.int64).max).min(axis=0))

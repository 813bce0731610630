"""What a pair of DARTS cells consists of, and where its codes are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""In the order of the published code, without its first one, ``none``; the position is the code."""

MAX_POOL, AVG_POOL, SKIP, SEP3, SEP5, DIL3, DIL5 = range(7)

CELLS, NODES, INPUTS, PAIRS = 2, 4, 2, 2
"""Normal and reduction cell; nodes of a cell; its inputs, 0 and 1; operations that a node sums."""


def predecessors(codes: Codes) -> NDArray[np.int16]:
    """Return the predecessor of each pair, shape (n, 2 cells, 4 nodes, 2): 0, 1 or node + 2."""
    return codes.reshape(-1, CELLS, NODES, PAIRS, 2)[..., 0]


def operations(codes: Codes) -> NDArray[np.int16]:
    """Return the operation of each pair, shape (n, 2 cells, 4 nodes, 2)."""
    return codes.reshape(-1, CELLS, NODES, PAIRS, 2)[..., 1]

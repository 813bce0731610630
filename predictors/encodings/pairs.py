"""Encodings of pairs of cells whose nodes sum two operations (DARTS).

The adjacency encoding with one-hot operations of White, Neiswanger, Nolen and Savani, "A Study on
Encodings for Neural Architecture Search", NeurIPS 2020, section 3, and the path encoding of White,
Neiswanger and Savani, "BANANAS", AAAI 2021, section 4, both cell by cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import CellPairLayout, Codes, code_length

CELLS, INPUTS, PAIRS = 2, 2, 2
"""Normal and reduction cell; inputs of a cell; operations that a node sums."""

Ints = NDArray[np.int64]


def unpack(layout: CellPairLayout, codes: Codes) -> tuple[Ints, Ints]:
    """Return predecessors and operations, both of shape (n, 2 cells, nodes, 2), the lower first."""
    pairs = codes.reshape(-1, CELLS, layout.nodes, PAIRS, 2).astype(np.int64)
    return pairs[..., 0], pairs[..., 1]


def every_choice(layout: CellPairLayout) -> Codes:
    """Return a few architectures in which each node has each pair of predecessors, and each operation."""
    choices = [
        [(first, second) for second in range(node + INPUTS) for first in range(second)]
        for node in range(layout.nodes)
    ]
    rows = range(max(len(choices[-1]), len(layout.operations)))
    codes = np.empty((len(rows), CELLS, layout.nodes, PAIRS, 2), dtype=np.int16)
    for node, possible in enumerate(choices):
        codes[:, :, node, :, 0] = np.array([possible[row % len(possible)] for row in rows])[:, None]
    codes[..., 1] = (np.arange(len(rows)) % len(layout.operations))[:, None, None, None]
    return codes.reshape(len(rows), code_length(layout))


def adjacency_features(layout: CellPairLayout) -> int:
    """Return 2 cells x possible arcs x operations (2 x 14 x 7 = 196 for DARTS)."""
    return CELLS * _arcs(layout) * len(layout.operations)


def encode_adjacency(layout: CellPairLayout, codes: Codes) -> NDArray[np.float64]:
    """Return one block per possible arc with a one at its operation; zeros where there is no arc.

    Blocks are in the order of cell, target node, predecessor.
    """
    source, operation = unpack(layout, codes)
    node = np.arange(layout.nodes)[:, None]
    # The first node has two possible predecessors, the next three, and so on.
    arc = node * (node + 2 * INPUTS - 1) // 2 + source + _arcs(layout) * np.arange(CELLS)[:, None, None]
    column = (arc * len(layout.operations) + operation).reshape(len(codes), CELLS * layout.nodes * PAIRS)
    features = np.zeros((len(codes), adjacency_features(layout)), dtype=np.float64)
    features[np.arange(len(codes))[:, None], column] = 1.0
    return features


def path_features(layout: CellPairLayout) -> int:
    """Return 2 cells x 2 inputs x sequences of at most as many operations as a cell has nodes.

    11,204 = 4 x (1 + 7 + 49 + 343 + 2401) for DARTS.
    """
    return CELLS * INPUTS * _sequences(layout)


def encode_path(layout: CellPairLayout, codes: Codes) -> NDArray[np.float64]:
    """Return a one for the operation sequence of each path from an input to a node.

    All nodes lead to the output. Blocks are in the order of cell, input, length; in a block of length
    L the sequence o_1 ... o_L, from the input on, has the position sum_j o_j K^(j-1), with K
    operations. The empty sequence, the first position, never occurs.
    """
    n, base = len(codes), len(layout.operations)
    features = np.zeros((n, path_features(layout)), dtype=np.float64)
    sources, operations = (part.reshape(n * CELLS, layout.nodes, PAIRS) for part in unpack(layout, codes))
    rows = np.arange(n * CELLS)[:, None]
    # Per input or node, its paths: where the sequence is in its cell's blocks (-1: no path), and K^L.
    # A node's lower predecessor is at most the last but one before it, so that a node needs as many
    # places as the two before it together: 1, 1, 2, 3, 5, 8.
    width = [1, 1]
    while len(width) < layout.nodes + INPUTS:
        width.append(width[-2] + width[-1])
    place = np.full((n * CELLS, layout.nodes + INPUTS, width[-1]), -1, dtype=np.int64)
    power = np.ones_like(place)
    place[:, :INPUTS, 0] = np.arange(INPUTS) * _sequences(layout)
    for node in range(layout.nodes):
        target = node + INPUTS
        parts = [slice(0, width[target - 2]), slice(width[target - 2], width[target])]
        for pair, part in enumerate(parts):
            old = (rows, sources[:, node, pair, None], np.arange(part.stop - part.start))
            longer = place[old] + (operations[:, node, pair, None] + 1) * power[old]
            place[:, target, part] = np.where(place[old] < 0, -1, longer)
            power[:, target, part] = power[old] * base
    ends = place[:, INPUTS:].reshape(n, CELLS, layout.nodes * width[-1])
    columns = ends + INPUTS * _sequences(layout) * np.arange(CELLS)[:, None]
    row, _, _ = np.nonzero(ends >= 0)
    features[row, columns[ends >= 0]] = 1.0
    return features


def _arcs(layout: CellPairLayout) -> int:
    return layout.nodes * (layout.nodes + 2 * INPUTS - 1) // 2


def _sequences(layout: CellPairLayout) -> int:
    """Return the number of sequences of 0, 1, ... operations, as many as there are nodes at most."""
    return sum(len(layout.operations) ** length for length in range(layout.nodes + 1))

"""Cells as sequences of tokens.

Luo et al., "Neural Architecture Optimization", NeurIPS 2018, and "Semi-Supervised Neural Architecture
Search", NeurIPS 2020: for each vertex after the first, which earlier vertices lead into it, then its
operation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.encodings.graph import ABSENT, CellGraphs, cell_graphs, global_node_graphs, line_graph
from predictors.encodings.pairs import CELLS, INPUTS, PAIRS, every_choice
from predictors.encodings.recurrent import possible_tokens
from tasks.errors import InputError
from tasks.spaces.base import (
    CellPairLayout,
    Codes,
    EdgeLayout,
    Layout,
    RecurrentLayout,
    SearchSpace,
    VertexLayout,
    code_length,
)

PADDING, NO_ARC, ARC = 0, 1, 2
"""Tokens that are no operation: a vertex that is absent, no arc, an arc."""

PAIR_VERTICES = 35
"""Vertices of a sequence of two cells, absent ones included."""


@dataclass(frozen=True, slots=True)
class CellSequences:
    """n cells as sequences of one length.

    Attributes:
        tokens: Shape (n, length). The vertices 1, 2, ... of ``sequence_graphs`` one after the other:
            j tokens for the arcs from the vertices 0..j-1, then class + 2. All tokens of an absent
            vertex, and those for arcs from one, are ``PADDING``.
        possible: Which tokens a cell of the space may have at each position, bool of shape (length,
            vocabulary).
    """

    tokens: NDArray[np.int64]
    possible: NDArray[np.bool_]

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return int(self.possible.shape[1])

    def take(self, rows: NDArray[np.int64]) -> CellSequences:
        """Return some of the cells; tokens that are kept in a smaller type become int64 again."""
        return CellSequences(self.tokens[rows].astype(np.int64), self.possible)


def cell_sequences(space: SearchSpace, codes: Codes) -> CellSequences:
    """Return a token sequence per cell.

    Length 35 and 9 tokens for NAS-Bench-201; 27 and 7 for cells like those of NAS-Bench-101; 629 and 13
    for DARTS; 350 and 12 for NAS-Bench-NLP, where old hidden states and the output have tokens of
    their own: in general (v + 2)(v - 1)/2 for v vertices, and the number of classes of
    ``sequence_graphs`` + 2.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    cells = sequence_graphs(space, codes)
    if isinstance(space.layout, CellPairLayout):
        few = sequence_graphs(space, every_choice(space.layout))
        possible = np.zeros((_length(PAIR_VERTICES), cells.classes + 2), dtype=np.bool_)
        possible[np.arange(len(possible)), _tokens(few)] = True
    else:
        possible = _possible_tokens(space.layout, cells.labels.shape[1], cells.classes + 2)
    return CellSequences(_tokens(cells), possible)


def _tokens(cells: CellGraphs) -> NDArray[np.int64]:
    n, v = cells.labels.shape
    both = cells.mask[:, :, None] & cells.mask[:, None, :]
    arcs = np.where(both, np.where(cells.adjacency, ARC, NO_ARC), PADDING)
    operations = np.where(cells.labels == ABSENT, PADDING, cells.labels + 2)
    columns = [np.concatenate([arcs[:, :j, j], operations[:, j : j + 1]], axis=1) for j in range(1, v)]
    tokens = np.concatenate(columns, axis=1) if v > 1 else np.zeros((n, 0))
    return tokens.astype(np.int64)


def _length(v: int) -> int:
    return (v + 2) * (v - 1) // 2


def sequence_graphs(space: SearchSpace, codes: Codes) -> CellGraphs:
    """Return the graphs that sequences spell.

    Those of ``cell_graphs``; for DARTS those of ``global_node_graphs``, with absent vertices behind.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    if not isinstance(space.layout, CellPairLayout):
        return cell_graphs(space, codes)
    graphs = global_node_graphs(space, codes)
    n, v = graphs.labels.shape
    adjacency = np.zeros((n, PAIR_VERTICES, PAIR_VERTICES), dtype=np.bool_)
    labels = np.full((n, PAIR_VERTICES), ABSENT, dtype=np.int64)
    adjacency[:, :v, :v], labels[:, :v] = graphs.adjacency, graphs.labels
    return CellGraphs(adjacency, labels, graphs.classes)


def _possible_tokens(layout: Layout, v: int, vocabulary: int) -> NDArray[np.bool_]:
    if isinstance(layout, RecurrentLayout):
        return possible_tokens(layout, PADDING, NO_ARC, ARC)
    wiring = line_graph(layout)[1] if isinstance(layout, EdgeLayout) else None
    rows = []
    for j in range(1, v):
        for i in range(j):
            tokens = {PADDING, NO_ARC, ARC} if wiring is None else {ARC if wiring[i, j] else NO_ARC}
            rows.append([token in tokens for token in range(vocabulary)])
        inner = [ARC < token < vocabulary - 1 for token in range(vocabulary)]
        inner[PADDING] = wiring is None
        output = [token == vocabulary - 1 for token in range(vocabulary)]
        rows.append(inner if j < v - 1 else output)
    return np.array(rows, dtype=np.bool_).reshape(-1, vocabulary)


def decode_sequences(space: SearchSpace, tokens: NDArray[np.int64]) -> Codes:
    """Return the codes of the cells that sequences stand for.

    Args:
        space: The search space.
        tokens: As ``CellSequences.tokens``.

    Raises:
        InputError: A sequence that stands for no cell of the space; names the row.
    """
    layout = space.layout
    if isinstance(layout, EdgeLayout):
        order, wiring = line_graph(layout)
        v = len(wiring)
        _, labels = _graph(tokens, v)
        codes = np.empty((len(tokens), len(order)), dtype=np.int16)
        codes[:, order] = labels[:, 1:-1] - 1
    elif isinstance(layout, VertexLayout):
        v = layout.vertices
        adjacency, labels = _graph(tokens, v)
        codes = np.concatenate([adjacency[:, *np.triu_indices(v, 1)], labels], axis=1).astype(np.int16)
    elif isinstance(layout, CellPairLayout):
        codes = _decoded_pairs(layout, *_graph(tokens, PAIR_VERTICES))
    else:
        # Those of recurrent cells do not tell which input of a blend is which.
        raise InputError(f"{space.name}: a token sequence does not determine the cell")
    again = cell_sequences(space, np.clip(codes, -1, len(layout.operations) - 1)).tokens
    wrong = np.flatnonzero((again != tokens).any(axis=1))
    if wrong.size:
        raise InputError(f"{space.name}: token sequence {wrong[0]} stands for no cell of the space")
    return codes


def _graph(tokens: NDArray[np.int64], v: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return adjacency and labels, as in ``cell_graphs``."""
    length = _length(v)
    if tokens.ndim != 2 or tokens.shape[1] != length:
        raise InputError(f"token sequences have shape {tokens.shape}, expected (n, {length})")
    adjacency = np.zeros((len(tokens), v, v), dtype=np.bool_)
    labels = np.zeros((len(tokens), v), dtype=np.int64)
    start = 0
    for j in range(1, v):
        adjacency[:, :j, j] = tokens[:, start : start + j] == ARC
        operation = tokens[:, start + j]
        labels[:, j] = np.where(operation == PADDING, ABSENT, operation - 2)
        start += j + 1
    return adjacency, labels


def _decoded_pairs(layout: CellPairLayout, adjacency: NDArray[np.bool_], labels: NDArray[np.int64]) -> Codes:
    """Return the nearest legal codes of graphs as in ``sequence_graphs``; exact for those of a cell."""
    n, inner = len(labels), PAIRS * layout.nodes
    codes = np.empty((n, CELLS, layout.nodes, PAIRS, 2), dtype=np.int16)
    for cell in range(CELLS):
        # A cell is its inputs, its pairs, output and global node.
        start = cell * (INPUTS + inner + 2)
        block = slice(start, start + INPUTS + inner)
        pairs = slice(start + INPUTS, start + INPUTS + inner)
        arcs = adjacency[:, block, pairs]
        # Both pairs of a node lead where it leads: the first arc tells.
        first = arcs.argmax(axis=1).reshape(n, layout.nodes, PAIRS)
        source = np.where(first < INPUTS, first, INPUTS + (first - INPUTS) // PAIRS)
        node = np.arange(layout.nodes)
        source[:, :, 0] = np.minimum(source[:, :, 0], node)
        source[:, :, 1] = np.clip(source[:, :, 1], source[:, :, 0] + 1, node + 1)
        codes[:, cell, :, :, 0] = source
        operation = np.clip(labels[:, pairs] - 1, 0, len(layout.operations) - 1)
        codes[:, cell, :, :, 1] = operation.reshape(n, layout.nodes, PAIRS)
    return codes.reshape(n, code_length(layout))

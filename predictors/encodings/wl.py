"""Weisfeiler-Lehman features: the rooted subtrees of a cell, by number of relabelling rounds.

Shervashidze et al., "Weisfeiler-Lehman Graph Kernels", JMLR 2011; for cells: Ru, Wan, Dong and
Osborne, "Interpretable Neural Architecture Search via Bayesian Optimisation with Weisfeiler-Lehman
Kernels" (NASBOWL), ICLR 2021.

Labels are 64-bit hashes of what they stand for, from the texts of the operations on. So no
vocabulary is shared between training and query, any two batches can be compared, and two different
subtrees have one label with probability of about 2^-64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from predictors.encodings.codes import checked_codes
from predictors.encodings.graph import line_graph
from predictors.encodings.pairs import CELLS, INPUTS, PAIRS, unpack
from predictors.encodings.recurrent import ABSENT, recurrent_graphs
from tasks.errors import InputError
from tasks.spaces.base import (
    CellPairLayout,
    Codes,
    EdgeLayout,
    RecurrentLayout,
    SearchSpace,
    VertexLayout,
)
from tasks.spaces.graph_hash import label_values, mix, on_path

ZERO, IDENTITY = "none", "skip_connect"
"""Operations on edges that carry nothing, and that pass their input on unchanged."""

_PAIR_INPUTS = ("output of the cell before the last", "output of the last cell")

Bools = NDArray[np.bool_]
Labels = NDArray[np.uint64]

_PREDECESSOR = np.uint64(0x9E3779B97F4A7C15)
_NOWHERE = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True)
class SubtreeFeatures:
    """One feature per vertex and round: a label and how many equal ones precede it in the cell.

    The features of a cell are all different, so the number that two cells have in common in a round
    is the sum over labels of the smaller count: the histogram intersection that Kriege, Giscard and
    Wilson ("On Valid Optimal Assignment Kernels", NeurIPS 2016) show to be an optimal assignment of
    vertices.

    Attributes:
        ids: Shape (n, rounds + 1, v), in an order that is equal for isomorphic cells; a cell of
            fewer than v vertices fills the first places, and the others mean nothing.
        present: Which places are filled, shape (n, v).
        cells: Of how many cells an architecture consists; each has v / cells places, and no feature
            of one is equal to a feature of another.
    """

    ids: Labels
    present: Bools
    cells: int = 1

    def take(self, rows: NDArray[np.int64]) -> SubtreeFeatures:
        """Return the features of some of the cells."""
        return replace(self, ids=self.ids[rows], present=self.present[rows])


def subtree_features(space: SearchSpace, codes: Codes, rounds: int) -> SubtreeFeatures:
    """Return the features of every cell after 0, 1, ..., ``rounds`` rounds of relabelling.

    In each round the new label of a vertex stands for its label and the sorted labels of its
    predecessors, from which it gets its input. Isomorphic cells have equal features.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).
        rounds: At least 0; a label of round r knows the subtree of depth r.

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    adjacency, label, present = operation_graphs(space, codes)
    n, v = label.shape
    arcs = adjacency.astype(np.uint64)
    ids = np.empty((n, rounds + 1, v), dtype=np.uint64)
    for done in range(rounds + 1):
        if done:
            # The sum of scrambled labels stands for the multiset of labels.
            inputs = (mix(label ^ _PREDECESSOR)[:, None, :] @ arcs)[:, 0, :]
            label = mix(mix(label) + inputs)
        ids[:, done] = _numbered(mix(label + np.uint64(done)), present)
    places = np.arange(v) < present.sum(axis=1)[:, None]
    if not isinstance(space.layout, CellPairLayout):
        return SubtreeFeatures(ids, places)
    which = np.arange(CELLS, dtype=np.uint64)[:, None, None]
    apart = mix(ids.reshape(-1, CELLS, rounds + 1, v) + which)
    side_by_side = apart.transpose(0, 2, 1, 3).reshape(-1, rounds + 1, CELLS * v)
    return SubtreeFeatures(side_by_side, places.reshape(-1, CELLS * v), CELLS)


def operation_graphs(space: SearchSpace, codes: Codes) -> tuple[Bools, Labels, Bools]:
    """Return cells as graphs with operations on the vertices and nothing that has no effect.

    Operations on edges become vertices; those that carry nothing are removed, those that pass their
    input on are replaced by arcs, through any number of them in a row. Operations on vertices stay
    as they are. Then vertices that are on no path from input to output are dropped. A cell without
    such a path is an input and an output without an arc between them.

    The cells of DARTS are graphs of their own, the two of an architecture one after the other: two
    inputs, per node its two operations and their sum, output, 15 vertices. All of them are on a path.

    Of recurrent cells, in which everything has an effect, nothing is dropped.

    Returns:
        Adjacency, shape (n, v, v), upper triangular; labels, shape (n, v); which vertices are
        there, shape (n, v): always the first, the input, and the last, the output. The labels of
        the others mean nothing. For DARTS 2n cells.

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    layout, codes = space.layout, checked_codes(space, codes)
    if isinstance(layout, EdgeLayout):
        adjacency, label = _from_edges(layout, codes)
    elif isinstance(layout, VertexLayout):
        adjacency, label = _from_vertices(layout, codes)
    elif isinstance(layout, CellPairLayout):
        return _from_pairs(layout, codes)
    elif isinstance(layout, RecurrentLayout):
        return _from_recurrent(layout, codes)
    else:
        raise InputError(f"{space.name}: its cells have no such encoding")
    present = on_path(adjacency)
    present[:, 0] = present[:, -1] = True
    adjacency &= present[:, :, None] & present[:, None, :]
    return adjacency, label, present


def _from_recurrent(layout: RecurrentLayout, codes: Codes) -> tuple[Bools, Labels, Bools]:
    adjacency, kind = recurrent_graphs(layout, codes)
    label = label_values(("x", *layout.operations, "h_prev", "output"))[kind]
    # The state that leaves the cell is the first one; the others may be exchanged.
    label[:, 1] = label_values(("h_prev_0",))
    return adjacency, label, np.asarray(kind != ABSENT)


def _from_vertices(layout: VertexLayout, codes: Codes) -> tuple[Bools, Labels]:
    v = layout.vertices
    bits = v * (v - 1) // 2
    adjacency = np.zeros((len(codes), v, v), dtype=np.bool_)
    adjacency[:, *np.triu_indices(v, 1)] = codes[:, :bits] != 0
    # An absent vertex (-1) has no arcs, so it is not on a path, whatever its label.
    return adjacency, label_values(layout.operations)[codes[:, bits:]]


def _from_edges(layout: EdgeLayout, codes: Codes) -> tuple[Bools, Labels]:
    order, wiring = line_graph(layout)
    operation = np.array(layout.operations)
    n, v = len(codes), len(wiring)
    of_vertex = np.full((n, v), "", dtype=operation.dtype)
    of_vertex[:, 1:-1] = operation[codes[:, order]]
    adjacency = wiring & (of_vertex != ZERO)[:, :, None] & (of_vertex != ZERO)[:, None, :]
    _contract(adjacency, of_vertex == IDENTITY)
    names = label_values(("input", *layout.operations, "output"))
    label = np.empty((n, v), dtype=np.uint64)
    label[:, 0], label[:, 1:-1], label[:, -1] = names[0], names[1 + codes[:, order].astype(int)], names[-1]
    return adjacency, label


def _from_pairs(layout: CellPairLayout, codes: Codes) -> tuple[Bools, Labels, Bools]:
    sources, operations = (part.reshape(-1, layout.nodes, PAIRS) for part in unpack(layout, codes))
    n, v = len(sources), INPUTS + 3 * layout.nodes + 1
    # Inputs, per node both operations and their sum, output; where a predecessor's value is.
    value = np.concatenate([np.arange(INPUTS), INPUTS + 3 * np.arange(layout.nodes) + PAIRS])
    cells = np.arange(n)
    adjacency = np.zeros((n, v, v), dtype=np.bool_)
    names = label_values((*layout.operations, *_PAIR_INPUTS, "add", "output"))
    label = np.full((n, v), names[-2])
    label[:, :INPUTS], label[:, -1] = names[-4:-2], names[-1]
    skip = np.zeros((n, v), dtype=np.bool_)
    for node, total in enumerate(value[INPUTS:].tolist()):
        for pair in range(PAIRS):
            vertex, operation = total - PAIRS + pair, operations[:, node, pair]
            adjacency[cells, value[sources[:, node, pair]], vertex] = True
            label[:, vertex] = names[operation]
            skip[:, vertex] = np.array(layout.operations)[operation] == IDENTITY
        adjacency[:, total - PAIRS : total, total] = True
    adjacency[:, value[INPUTS:], -1] = True
    _contract(adjacency, skip)
    return adjacency, label, ~skip


def _contract(adjacency: Bools, skip: Bools) -> None:
    """Replace vertices that pass their input on by arcs, in place.

    Args:
        adjacency: Shape (n, v, v), upper triangular.
        skip: Which vertices, shape (n, v); neither the first nor the last.
    """
    for vertex in range(1, adjacency.shape[1] - 1):
        # One after the other, so that arcs made by one vertex are there for the next.
        passed = skip[:, vertex]
        into = adjacency[:, :, vertex] & passed[:, None]
        adjacency |= into[:, :, None] & adjacency[:, None, vertex, :]
        adjacency[passed, :, vertex] = adjacency[passed, vertex, :] = False


def _numbered(label: Labels, present: Bools) -> Labels:
    """Return the labels of each row in ascending order, equal ones told apart by their number."""
    label = np.sort(np.where(present, label, _NOWHERE), axis=1)
    place = np.arange(label.shape[1])
    first = np.zeros(label.shape, dtype=np.intp)
    first[:, 1:] = np.where(label[:, 1:] != label[:, :-1], place[1:], 0)
    return mix(label + (place - np.maximum.accumulate(first, axis=1)).astype(np.uint64))

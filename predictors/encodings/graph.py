"""Cells as graphs with operations on the vertices, as arrays for graph networks.

Wen et al., "Neural Predictor for Neural Architecture Search", ECCV 2020, section 3.2; the global node:
Shi et al., "Bridging the Gap between Sample-based and One-shot Neural Architecture Search with
BONAS", NeurIPS 2020, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.encodings.codes import checked_codes
from tasks.errors import InputError
from tasks.spaces.base import Codes, EdgeLayout, SearchSpace, VertexLayout

ABSENT = -1
"""Label of a vertex that a smaller cell does not have."""


@dataclass(frozen=True, slots=True)
class CellGraphs:
    """n cells of at most v vertices.

    Attributes:
        adjacency: Bool, shape (n, v, v); [:, i, j] is an arc from i to j. Absent vertices have none.
        labels: Class of each vertex, shape (n, v): 0 input, then the operations, then output (then
            global node); ``ABSENT`` for a vertex that is not there.
        classes: Number of classes.
    """

    adjacency: NDArray[np.bool_]
    labels: NDArray[np.int64]
    classes: int

    @property
    def features(self) -> NDArray[np.float64]:
        """One-hot labels, shape (n, v, classes); zeros for an absent vertex."""
        return np.asarray(self.labels[:, :, None] == np.arange(self.classes), dtype=np.float64)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which vertices are there, shape (n, v)."""
        return np.asarray(self.labels != ABSENT)

    def take(self, rows: NDArray[np.int64]) -> CellGraphs:
        """Return some of the cells."""
        return CellGraphs(self.adjacency[rows], self.labels[rows], self.classes)

    def with_global_node(self) -> CellGraphs:
        """Return the cells with self loops and a last vertex into which every other one leads."""
        n, v = self.labels.shape
        labels = np.full((n, v + 1), self.classes, dtype=np.int64)
        labels[:, :-1] = self.labels
        adjacency = np.zeros((n, v + 1, v + 1), dtype=np.bool_)
        adjacency[:, :-1, :-1] = self.adjacency
        adjacency[:, :-1, -1] = self.mask
        everywhere = np.arange(v + 1)
        adjacency[:, everywhere, everywhere] = labels != ABSENT
        return CellGraphs(adjacency, labels, self.classes + 1)


def cell_graphs(space: SearchSpace, codes: Codes) -> CellGraphs:
    """Return the cells as they are: nothing is pruned or contracted.

    Operations on edges become vertices between an input and an output: 8 vertices of 7 classes for
    NAS-Bench-201. Operations on vertices stay where they are: 7 vertices of 5 classes for cells like
    those of NAS-Bench-101.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    layout, codes = space.layout, checked_codes(space, codes)
    n = len(codes)
    if isinstance(layout, EdgeLayout):
        order, wiring = line_graph(layout)
        classes = len(layout.operations) + 2
        labels = np.zeros((n, len(wiring)), dtype=np.int64)
        labels[:, 1:-1] = codes[:, order] + 1
        labels[:, -1] = classes - 1
        return CellGraphs(np.broadcast_to(wiring, (n, *wiring.shape)).copy(), labels, classes)
    if not isinstance(layout, VertexLayout):
        raise InputError(f"{space.name}: its cells have no such encoding")
    v = layout.vertices
    bits = v * (v - 1) // 2
    adjacency = np.zeros((n, v, v), dtype=np.bool_)
    adjacency[:, *np.triu_indices(v, 1)] = codes[:, :bits] != 0
    return CellGraphs(adjacency, codes[:, bits:].astype(np.int64), len(layout.operations))


def global_node_graphs(space: SearchSpace, codes: Codes) -> CellGraphs:
    """Return ``cell_graphs`` with self loops and a last vertex into which every other one leads.

    9 vertices of 8 classes for NAS-Bench-201, 8 of 6 for cells like those of NAS-Bench-101.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    return cell_graphs(space, codes).with_global_node()


def line_graph(layout: EdgeLayout) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the columns of the codes in topological order, and arcs of input, edges, output."""
    order = sorted(range(len(layout.edges)), key=lambda column: layout.edges[column][::-1])
    source, target = np.array(layout.edges)[order].T
    wiring = np.zeros((len(order) + 2,) * 2, dtype=np.bool_)
    wiring[0, 1:-1] = source == 0
    wiring[1:-1, 1:-1] = target[:, None] == source
    wiring[1:-1, -1] = target == target.max()
    return np.array(order), wiring

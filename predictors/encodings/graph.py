"""Cells as graphs with operations on the vertices, as arrays for graph networks.

Wen et al., "Neural Predictor for Neural Architecture Search", ECCV 2020, section 3.2; the global node:
Shi et al., "Bridging the Gap between Sample-based and One-shot Neural Architecture Search with
BONAS", NeurIPS 2020, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from predictors.encodings.codes import checked_codes
from predictors.encodings.pairs import CELLS, INPUTS, PAIRS, unpack
from predictors.encodings.recurrent import classes as recurrent_classes
from predictors.encodings.recurrent import recurrent_graphs
from tasks.errors import InputError
from tasks.spaces.base import (
    CellPairLayout,
    Codes,
    EdgeLayout,
    RecurrentLayout,
    SearchSpace,
    VertexLayout,
)
from tasks.spaces.darts_graph import merged_adjacency

ABSENT = -1
"""Label of a vertex that a smaller cell does not have."""


@dataclass(frozen=True, slots=True)
class CellGraphs:
    """n cells of at most v vertices.

    Attributes:
        adjacency: Bool, shape (n, v, v); [:, i, j] is an arc from i to j. Absent vertices have none.
        labels: Class of each vertex, shape (n, v): 0 input, then the operations, then output (then
            global node); ``ABSENT`` for a vertex that is not there. In recurrent cells old hidden
            states and the output carry values from step to step and compute nothing; they have no
            class, but the labels ``classes`` and ``classes`` + 1.
        classes: Number of classes.
        cells: How many cells of v / cells vertices each are side by side, without an arc between them.
    """

    adjacency: NDArray[np.bool_]
    labels: NDArray[np.int64]
    classes: int
    cells: int = 1

    @property
    def features(self) -> NDArray[np.float64]:
        """One-hot labels, shape (n, v, classes); zeros for a vertex of no class."""
        return np.asarray(self.labels[:, :, None] == np.arange(self.classes), dtype=np.float64)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which vertices are there, shape (n, v)."""
        return np.asarray(self.labels != ABSENT)

    def take(self, rows: NDArray[np.int64]) -> CellGraphs:
        """Return some of the cells."""
        return replace(self, adjacency=self.adjacency[rows], labels=self.labels[rows])

    def with_global_node(self) -> CellGraphs:
        """Return the cells with self loops and a last vertex into which every other one leads.

        Of cells side by side each gets such a vertex first (of a class of its own), then all together.

        Raises:
            InputError: Recurrent cells, some of whose vertices have no class.
        """
        if (self.labels >= self.classes).any():
            raise InputError("graphs of recurrent cells have no form with a global node")
        if self.cells > 1:
            return _side_by_side([part.with_global_node() for part in self._apart()]).with_global_node()
        n, v = self.labels.shape
        labels = np.full((n, v + 1), self.classes, dtype=np.int64)
        labels[:, :-1] = self.labels
        adjacency = np.zeros((n, v + 1, v + 1), dtype=np.bool_)
        adjacency[:, :-1, :-1] = self.adjacency
        adjacency[:, :-1, -1] = self.mask
        everywhere = np.arange(v + 1)
        adjacency[:, everywhere, everywhere] = labels != ABSENT
        return CellGraphs(adjacency, labels, self.classes + 1)

    def _apart(self) -> list[CellGraphs]:
        v = self.labels.shape[1] // self.cells
        blocks = [slice(cell * v, (cell + 1) * v) for cell in range(self.cells)]
        return [
            CellGraphs(self.adjacency[:, block, block], self.labels[:, block], self.classes)
            for block in blocks
        ]


def cell_graphs(space: SearchSpace, codes: Codes) -> CellGraphs:
    """Return the cells as they are: nothing is pruned or contracted.

    Operations on edges become vertices between an input and an output: 8 vertices of 7 classes for
    NAS-Bench-201. Operations on vertices stay where they are: 7 vertices of 5 classes for cells like
    those of NAS-Bench-101. Both cells of DARTS are side by side, see ``tasks.spaces.darts.Darts.graph``:
    22 vertices of 9 classes. Recurrent cells are as in ``encodings.recurrent``: 26 vertices of 8 classes.

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
    if isinstance(layout, CellPairLayout):
        sources, operations = unpack(layout, codes)
        classes = len(layout.operations) + 2
        inner = PAIRS * layout.nodes
        of_cells = np.zeros((n, CELLS, INPUTS + inner + 1), dtype=np.int64)
        of_cells[:, :, INPUTS:-1] = operations.reshape(n, CELLS, inner) + 1
        of_cells[:, :, -1] = classes - 1
        both = of_cells.reshape(n, CELLS * (INPUTS + inner + 1))
        return CellGraphs(merged_adjacency(sources), both, classes, CELLS)
    if isinstance(layout, RecurrentLayout):
        return CellGraphs(*recurrent_graphs(layout, codes), recurrent_classes(layout))
    if not isinstance(layout, VertexLayout):
        raise InputError(f"{space.name}: its cells have no such encoding")
    v = layout.vertices
    bits = v * (v - 1) // 2
    adjacency = np.zeros((n, v, v), dtype=np.bool_)
    adjacency[:, *np.triu_indices(v, 1)] = codes[:, :bits] != 0
    return CellGraphs(adjacency, codes[:, bits:].astype(np.int64), len(layout.operations))


def global_node_graphs(space: SearchSpace, codes: Codes) -> CellGraphs:
    """Return ``cell_graphs`` with self loops and a last vertex into which every other one leads.

    9 vertices of 8 classes for NAS-Bench-201, 8 of 6 for cells like those of NAS-Bench-101, 25 of 11
    for DARTS.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Raises:
        InputError: The codes are not of the layout of the space.
    """
    return cell_graphs(space, codes).with_global_node()


def _side_by_side(parts: list[CellGraphs]) -> CellGraphs:
    """Return graphs of one set of classes as graphs of one cell."""
    n, v = parts[0].labels.shape
    adjacency = np.zeros((n, len(parts) * v, len(parts) * v), dtype=np.bool_)
    for place, part in enumerate(parts):
        block = slice(place * v, (place + 1) * v)
        adjacency[:, block, block] = part.adjacency
    labels = np.concatenate([part.labels for part in parts], axis=1)
    return CellGraphs(adjacency, labels, parts[0].classes)


def line_graph(layout: EdgeLayout) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the columns of the codes in topological order, and arcs of input, edges, output."""
    order = sorted(range(len(layout.edges)), key=lambda column: layout.edges[column][::-1])
    source, target = np.array(layout.edges)[order].T
    wiring = np.zeros((len(order) + 2,) * 2, dtype=np.bool_)
    wiring[0, 1:-1] = source == 0
    wiring[1:-1, 1:-1] = target[:, None] == source
    wiring[1:-1, -1] = target == target.max()
    return np.array(order), wiring

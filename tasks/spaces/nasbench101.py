"""NAS-Bench-101: cells of at most seven vertices and nine arcs with an operation on each vertex.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019
(arXiv 1902.09635).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.spaces.base import Arch, CellGraph, Codes, DatasetInfo, VertexLayout, as_arch, parse_rows
from tasks.spaces.dag import ABSENT, DagSpace, possible_arcs
from tasks.spaces.nasbench101_cost import CHANNELS, network_cost
from tasks.spaces.nasbench101_form import Adjacency, Operations, arcs_on_paths, prune, representatives
from tasks.spaces.nasbench101_hash import INPUT_LABEL, OUTPUT_LABEL, module_hashes

if TYPE_CHECKING:
    import torch

OPERATIONS = ("input", "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3", "output")
"""Labels; the position is the code. The inner three are in the official order."""

INPUT, CONV3, CONV1, POOL, OUTPUT = range(5)

VERTICES, MAX_EDGES = 7, 9
"""Limits of a cell; the second holds for the arcs on paths from input to output."""

_ARCS = VERTICES * (VERTICES - 1) // 2
_CELLS = DagSpace("nasbench101", OPERATIONS, VERTICES, matrix_key="matrix")
_LABELS = np.array([INPUT_LABEL, 0, 1, 2, OUTPUT_LABEL])
_KERNELS = np.array([0, 3, 1, 0, 0])


@dataclass(frozen=True, slots=True)
class NasBench101:
    """The search space of NAS-Bench-101: 423,624 different cells.

    An architecture is the upper triangle of a 7 x 7 adjacency matrix row by row (21 bits), then
    seven operation codes; a cell of n < 7 vertices uses the vertices 0..n-2 and 6 (``VertexLayout``).

    As in the official notation, a cell may hold vertices and arcs that are on no path from input to
    output. They take part in mutations, which is how a cell grows, but in nothing that the
    network computes: limits, ``canonical``, ``count`` and ``build`` look at the pruned cell.
    """

    name: ClassVar[str] = _CELLS.name
    layout: ClassVar[VertexLayout] = _CELLS.layout

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` cells of seven vertices independently; shape (n, 28).

        Uniform over all pairs of matrix and operations that are valid: bits and operations are
        uniform, and a matrix is drawn again until its output can be reached and the pruned cell has
        at most 9 arcs. After pruning, a cell may have fewer vertices; cells with many isomorphic
        forms are drawn more often.
        """
        codes = np.zeros((n, _ARCS + VERTICES), dtype=np.int16)
        codes[:, _ARCS + 1 : -1] = rng.integers(CONV3, OUTPUT, size=(n, VERTICES - 2))
        codes[:, -1] = OUTPUT
        pending = np.arange(n)
        while pending.size:
            codes[pending, :_ARCS] = rng.integers(2, size=(pending.size, _ARCS))
            pending = pending[~self.is_valid(codes[pending])]
        return codes

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Return one of ``neighbors``, uniformly: exactly one arc or one operation differs.

        The edit may concern a vertex on no path, so the child can have the parent's canonical form.

        Raises:
            InputError: There is none.
        """
        near = self._edits(arch)
        if not len(near):
            raise InputError(f"{self.name}: no other cell is one edit away from {self.format(arch)}")
        return as_arch(near[int(rng.integers(len(near)))])

    def neighbors(self, arch: Arch) -> list[Arch]:
        """Return every valid cell with one arc flipped or one inner operation changed.

        At most 21 + 10, all with the vertices of the cell: arcs first, row by row, then operations
        by vertex and code.
        """
        return [as_arch(row) for row in self._edits(arch)]

    def parse(self, text: str) -> Arch:
        """Read the official specification of a cell, ``{"matrix": [[...], ...], "ops": [...]}``.

        Raises:
            InputError: Anything else; an unknown operation; a matrix that is not 0/1, square and
                upper triangular; no path from input to output; more than 9 arcs after pruning.
        """
        if isinstance(text, str) and re.fullmatch("[0-9a-f]{32}", text):
            raise InputError(
                f"{self.name}: {text!r} is a module hash, from which the cell cannot be computed; look it "
                'up in an imported table, or give the cell as {"matrix": [[...], ...], "ops": [...]}'
            )
        return self._checked(_CELLS.parse(text))

    def parse_many(self, texts: Sequence[str]) -> Codes:
        """Read a batch of specifications, shape (n, 28).

        Raises:
            InputError: Begins with ``row <i>``, the first row that cannot be read.
        """
        codes = self._parse_parts(texts)
        return parse_rows(self, texts) if codes is None else codes

    def format(self, arch: Arch) -> str:
        """Write the specification as compact JSON; vertices on no path are kept."""
        return _CELLS.format(self._checked(arch))

    def canonical(self, arch: Arch) -> str:
        """Return the official module hash of the pruned cell; equal for isomorphic cells."""
        return self.canonical_many(np.array([self._checked(arch)], dtype=np.int16))[0]

    def canonical_many(self, codes: Codes) -> list[str]:
        """Return the official module hash of each row.

        Raises:
            InputError: A row is no cell of this space.
        """
        adjacency, ops = self._pruned(codes)
        # Absent vertices, code -1, take the last label; without arcs it has no effect.
        return module_hashes(adjacency, _LABELS[ops])

    def is_valid(self, codes: Codes) -> NDArray[np.bool_]:
        """Tell which cells have a path from input to output and at most 9 arcs on such paths."""
        adjacency, _ = _CELLS.unpack(np.atleast_2d(codes))
        edges = arcs_on_paths(adjacency).sum(axis=(1, 2))
        return np.asarray((edges > 0) & (edges <= MAX_EDGES))

    def prune(self, codes: Codes) -> Codes:
        """Return the cells without the vertices and arcs that are on no path, shape (n, 28).

        Raises:
            InputError: A row is no cell of this space.
        """
        return _codes(*self._pruned(codes))

    def graph(self, arch: Arch) -> CellGraph:
        """Return the cell without absent vertices; those on no path are kept."""
        return _CELLS.graph(self._checked(arch))

    def count(self, codes: Codes, dataset: DatasetInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return trainable parameters and multiply-adds of each network, both of shape (n,).

        Isomorphic cells have one network: see ``build``.

        Raises:
            InputError: A row is no cell of this space, or the data set's number of classes or
                resolution is unknown or unusable.
        """
        adjacency, ops = self._pruned(codes)
        parts = adjacency[:, 1:-1, -1].sum(axis=1)
        uneven = np.flatnonzero(CHANNELS % np.maximum(parts, 1))
        adjacency[uneven], ops[uneven] = representatives(adjacency[uneven], ops[uneven])
        return network_cost(adjacency, _KERNELS[ops[:, 1:-1]], dataset)

    def build(self, arch: Arch, dataset: DatasetInfo, **size: int) -> torch.nn.Module:
        """Return the network of the pruned cell, initialised from torch's global generator.

        Channels depend on the order of the vertices when they cannot be divided evenly. The order
        is that of the network which the benchmark trained for this cell, so that isomorphic cells
        have the same network, with the number of parameters that the data files state.

        Args:
            arch: The cell.
            dataset: Gives classes and input channels.
            **size: ``channels`` of the stem (128) and ``cells`` per stack (3).

        Raises:
            InputError: An unknown size, fewer channels than vertices that are concatenated, or a
                data set with an unknown number of classes.
        """
        from tasks.spaces.nasbench101_network import build_network

        pruned = self._pruned(np.array([self._checked(arch)], dtype=np.int16))
        cell = _codes(*representatives(*pruned))[0]
        return build_network(_CELLS.graph(as_arch(cell)), dataset, **size)

    def _edits(self, arch: Arch) -> Codes:
        """Return ``neighbors`` as an array."""
        near = _CELLS.edits(self._checked(arch))
        return near[self.is_valid(near)]

    def _pruned(self, codes: Codes) -> tuple[Adjacency, Operations]:
        codes = np.atleast_2d(codes)
        for row in np.flatnonzero(~self.is_valid(codes))[:1].tolist():
            try:
                self._checked(as_arch(codes[row]))
            except InputError as error:
                raise InputError(f"row {row}: {error}") from error
        return prune(*_CELLS.unpack(codes))

    def _checked(self, arch: Arch) -> Arch:
        cell = _CELLS.graph(arch)
        edges = int(arcs_on_paths(cell.adjacency[None]).sum())
        if not edges:
            raise InputError(f"{self.name}: the cell has no path from input to output: {_CELLS.format(arch)}")
        if edges > MAX_EDGES:
            raise InputError(
                f"{self.name}: the cell has {edges} arcs on paths from input to output, at most {MAX_EDGES} "
                f"are allowed: {_CELLS.format(arch)}"
            )
        return as_arch(arch)

    def _parse_parts(self, texts: Sequence[str]) -> Codes | None:
        """Read a batch part by part; None if any text is not exactly what ``format`` writes.

        Few of the matrices and of the lists of operations in a table are different, so the two
        halves of the notation are read once each and then combined.
        """
        if not all(isinstance(text, str) for text in texts):
            return None
        halves = [text.partition(',"ops":') for text in texts]
        # The first row that holds each matrix, and the first that holds each list of operations.
        heads: dict[str, int] = {}
        tails: dict[str, int] = {}
        matrix_row = [heads.setdefault(head, row) for row, (head, _, _) in enumerate(halves)]
        labels_row = [tails.setdefault(tail, row) for row, (_, _, tail) in enumerate(halves)]
        examples = sorted({*heads.values(), *tails.values()})
        read: list[Arch] = []
        for row in examples:
            try:
                arch = self.parse(texts[row])
            except InputError:
                return None
            if self.format(arch) != texts[row]:
                return None
            read.append(arch)
        table = np.array(read, dtype=np.int16).reshape(-1, _ARCS + VERTICES)
        size = (table[:, _ARCS:] != ABSENT).sum(axis=1)
        bits, ops = np.searchsorted(examples, matrix_row), np.searchsorted(examples, labels_row)
        if (size[bits] != size[ops]).any():
            return None
        return np.concatenate([table[bits, :_ARCS], table[ops, _ARCS:]], axis=1)


def _codes(adjacency: Adjacency, operations: Operations) -> Codes:
    """Return the codes of cells in seven slots."""
    return np.concatenate([adjacency[:, *possible_arcs(VERTICES)].astype(np.int16), operations], axis=1)

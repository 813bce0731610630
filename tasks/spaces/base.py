"""What every search space offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError

if TYPE_CHECKING:
    import torch

Arch: TypeAlias = tuple[int, ...]
"""An architecture: an immutable, hashable tuple of small integers, one row of ``codes``."""

Codes: TypeAlias = NDArray[np.int16]
"""A batch of architectures, shape (n, code length)."""


@dataclass(frozen=True, slots=True)
class EdgeLayout:
    """Cells with a fixed wiring and an operation on each edge (NAS-Bench-201).

    Attributes:
        operations: Names; column e of the codes indexes this tuple.
        edges: (source node, target node) of each column of the codes.
    """

    operations: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class VertexLayout:
    """Cells with a free upper-triangular wiring and an operation on each vertex.

    Codes hold V(V-1)/2 bits of the upper triangle, row by row, then V operation codes (index
    into ``operations``; -1 for a vertex that a smaller cell does not have). Vertex 0 is the
    input and vertex V-1 the output, in cells of every size.

    Attributes:
        operations: Names; the first is the label of the input vertex, the last the label of the
            output vertex, those between are the operations of inner vertices.
        vertices: V, the largest number of vertices.
    """

    operations: tuple[str, ...]
    vertices: int


@dataclass(frozen=True, slots=True)
class CellPairLayout:
    """A normal and a reduction cell whose nodes each sum two operations (DARTS).

    Codes hold, for the normal and then the reduction cell and for each node, two pairs of predecessor
    and operation, the lower predecessor first; both are different. The inputs of a cell are 0 and 1,
    its nodes 2, 3, ...

    Attributes:
        operations: Names; operation codes index this tuple.
        nodes: Nodes of a cell.
    """

    operations: tuple[str, ...]
    nodes: int


@dataclass(frozen=True, slots=True)
class RecurrentLayout:
    """Recurrent cells of a free wiring with an operation on each node (NAS-Bench-NLP).

    Vertex 0 is the input, the next ``states`` vertices are the old hidden states, then come the
    nodes. Codes hold the operation of each node, then the vertices that each node reads, in order
    (``inputs`` columns per node), then the vertex of each new hidden state; -1 for whatever a smaller
    cell does not have. A node comes after the nodes that it reads.

    Attributes:
        operations: Names; the codes of nodes index this tuple.
        nodes: The largest number of nodes.
        states: The largest number of hidden states.
        inputs: The largest number of vertices that a node reads.
    """

    operations: tuple[str, ...]
    nodes: int
    states: int
    inputs: int


Layout: TypeAlias = EdgeLayout | VertexLayout | CellPairLayout | RecurrentLayout


@dataclass(frozen=True, slots=True)
class CellGraph:
    """A cell as a directed acyclic graph with labelled vertices.

    Attributes:
        adjacency: Bool, shape (v, v), upper triangular; [i, j] is an arc from i to j.
        operations: One label per vertex; the first is the input, the last the output.
    """

    adjacency: NDArray[np.bool_]
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What a network needs to know of its data set.

    Attributes:
        name: Data set name, as in ``space/dataset``.
        num_classes: Number of classes; None if unknown (a user's own table).
        resolution: Height = width of the input images in pixels; None if unknown.
        channels: Input channels.
    """

    name: str
    num_classes: int | None = None
    resolution: int | None = None
    channels: int = 3


class SearchSpace(Protocol):
    """A set of architectures. All randomness comes from the generator that is passed in."""

    @property
    def name(self) -> str:
        """Name, as in ``space/dataset``."""

    @property
    def layout(self) -> Layout:
        """How ``codes`` are to be read."""

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` architectures independently and uniformly; shape (n, code length)."""

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Return a copy with exactly one edit."""

    def neighbors(self, arch: Arch) -> list[Arch]:
        """Return every architecture that is one edit away, in a fixed order."""

    def parse(self, text: str) -> Arch:
        """Read the official notation. Raises InputError for anything else."""

    def parse_many(self, texts: Sequence[str]) -> Codes:
        """Read a batch, shape (n, code length). Raises InputError that begins with ``row <i>``."""

    def format(self, arch: Arch) -> str:
        """Write the official notation."""

    def canonical(self, arch: Arch) -> str:
        """Return a text that is equal for architectures that compute the same function."""

    def canonical_many(self, codes: Codes) -> list[str]:
        """Return ``canonical`` of each row."""

    def graph(self, arch: Arch) -> CellGraph:
        """Return the cell graph with operations on vertices."""

    def count(self, codes: Codes, dataset: DatasetInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return trainable parameters and multiply-adds of each network, both of shape (n,)."""

    def build(self, arch: Arch, dataset: DatasetInfo, **size: int) -> torch.nn.Module:
        """Return the real network, freshly initialised from torch's global generator."""


def parse_rows(space: SearchSpace, texts: Sequence[str]) -> Codes:
    """Read architectures one by one; names the row (0-based) of the first that cannot be read."""
    rows = []
    for row, text in enumerate(texts):
        try:
            rows.append(space.parse(text))
        except InputError as error:
            raise InputError(f"row {row}: {error}") from error
    return np.array(rows, dtype=np.int16).reshape(len(rows), code_length(space.layout))


def code_length(layout: Layout) -> int:
    """Return the number of columns of the codes."""
    if isinstance(layout, EdgeLayout):
        return len(layout.edges)
    if isinstance(layout, CellPairLayout):
        return 8 * layout.nodes
    if isinstance(layout, RecurrentLayout):
        return layout.nodes * (1 + layout.inputs) + layout.states
    return layout.vertices * (layout.vertices + 1) // 2


def as_arch(row: Sequence[int] | NDArray[np.integer[Any]]) -> Arch:
    """Return one row of a codes array as an architecture."""
    return tuple(int(code) for code in row)

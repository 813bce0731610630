"""Cells as directed acyclic graphs with an operation on each vertex, for measured tables of users."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import Arch, CellGraph, Codes, DatasetInfo, VertexLayout, as_arch, parse_rows
from tasks.spaces.graph_hash import hash_cells, label_values, on_path

if TYPE_CHECKING:
    import torch

ABSENT = -1
"""Operation code of a vertex that a smaller cell does not have."""


@cache
def possible_arcs(vertices: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return sources and targets of the upper triangle, row by row: the order of the codes."""
    source, target = np.triu_indices(vertices, 1)
    source.flags.writeable = target.flags.writeable = False
    return source, target


@dataclass(frozen=True, slots=True)
class DagSpace:
    """All cells of at most ``vertices`` vertices over a vocabulary of operations.

    An architecture holds the upper triangle of the adjacency matrix row by row, then the operation
    code of each vertex. A cell of n < V vertices uses the vertices 0..n-2 and V-1; the rest are
    ``ABSENT`` and without arcs.

    Attributes:
        name: Name of the space.
        operations: The label of the input vertex, the operations of inner vertices, the label of
            the output vertex; all different.
        vertices: V, the largest number of vertices, input and output included.
        matrix_key: What the notation calls the adjacency matrix.

    Raises:
        InputError: Fewer than 2 vertices, labels that are not different, or no inner operation
            although there are inner vertices.
    """

    name: str
    operations: tuple[str, ...]
    vertices: int
    matrix_key: str = "adjacency"

    def __post_init__(self) -> None:
        if self.vertices < 2:
            raise InputError(f"space {self.name!r}: vertices is {self.vertices}, must be at least 2")
        if len(set(self.operations)) != len(self.operations):
            raise InputError(f"space {self.name!r}: operations must be different, got {self.operations}")
        if len(self.operations) < 2 + (self.vertices > 2):
            raise InputError(
                f"space {self.name!r}: operations are the input's label, at least one inner operation "
                f"and the output's label, got {self.operations}"
            )

    @property
    def layout(self) -> VertexLayout:
        """How ``codes`` are to be read."""
        return VertexLayout(self.operations, self.vertices)

    def pack(self, adjacency: NDArray[np.bool_], operations: NDArray[np.integer[Any]]) -> Codes:
        """Return the codes of cells that have the same number of vertices.

        Args:
            adjacency: Upper triangular, shape (n, v, v), 2 <= v <= V.
            operations: Operation codes, shape (n, v).
        """
        n, v = operations.shape
        slots = np.array([*range(v - 1), self.vertices - 1])
        wide = np.zeros((n, self.vertices, self.vertices), dtype=np.int16)
        wide[:, slots[:, None], slots] = adjacency
        ops = np.full((n, self.vertices), ABSENT, dtype=np.int16)
        ops[:, slots] = operations
        return np.concatenate([wide[:, *possible_arcs(self.vertices)], ops], axis=1)

    def unpack(self, codes: Codes) -> tuple[NDArray[np.bool_], NDArray[np.int16]]:
        """Return adjacency, shape (n, V, V), and operation codes, shape (n, V)."""
        codes = np.asarray(codes)
        arcs = self.vertices * (self.vertices - 1) // 2
        adjacency = np.zeros((len(codes), self.vertices, self.vertices), dtype=np.bool_)
        adjacency[:, *possible_arcs(self.vertices)] = codes[:, :arcs] != 0
        return adjacency, codes[:, arcs:]

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw cells of V vertices independently; shape (n, code length).

        Arcs and operations are uniform; cells whose output cannot be reached are drawn again.
        """
        upper = possible_arcs(self.vertices)
        adjacency = np.zeros((n, self.vertices, self.vertices), dtype=np.bool_)
        pending = np.arange(n)
        while pending.size:
            bits = rng.integers(2, size=(pending.size, upper[0].size)).astype(np.bool_)
            adjacency[pending[:, None], *upper] = bits
            pending = pending[~on_path(adjacency[pending])[:, 0]]
        ops = np.empty((n, self.vertices), dtype=np.int16)
        ops[:, 0], ops[:, -1] = 0, len(self.operations) - 1
        if self.vertices > 2:
            ops[:, 1:-1] = rng.integers(1, len(self.operations) - 1, size=(n, self.vertices - 2))
        return self.pack(adjacency, ops)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Return one of ``neighbors``, uniformly.

        Raises:
            InputError: There is none.
        """
        near = self.edits(arch)
        if not len(near):
            raise InputError(f"space {self.name!r}: no other cell is one edit away from {self.format(arch)}")
        return as_arch(near[int(rng.integers(len(near)))])

    def neighbors(self, arch: Arch) -> list[Arch]:
        """Return every cell with one arc flipped or one inner operation changed.

        The number of vertices stays, and the output can be reached from the input. Arcs come
        first, in the order of the codes.
        """
        return [as_arch(row) for row in self.edits(arch)]

    def edits(self, arch: Arch) -> Codes:
        """Return ``neighbors`` as an array, shape (n, code length)."""
        arch = self._checked(arch)
        arcs = self.vertices * (self.vertices - 1) // 2
        source, target = possible_arcs(self.vertices)
        ops = np.array(arch[arcs:])
        present = ops != ABSENT
        flips = np.flatnonzero(present[source] & present[target])
        changes = [
            (arcs + vertex, code)
            for vertex in np.flatnonzero(present)[1:-1].tolist()
            for code in range(1, len(self.operations) - 1)
            if code != ops[vertex]
        ]
        codes = np.tile(np.array(arch, dtype=np.int16), (flips.size + len(changes), 1))
        codes[np.arange(flips.size), flips] ^= 1
        for row, (column, code) in enumerate(changes, start=flips.size):
            codes[row, column] = code
        return codes[on_path(self.unpack(codes)[0])[:, 0]]

    def parse(self, text: str) -> Arch:
        """Read ``{"adjacency": [[...], ...], "ops": [...]}``, the first vertex being the input.

        The first key is ``matrix_key``.

        Raises:
            InputError: Anything else, an unknown operation, a wrong shape, or an arc that does not
                go from a lower to a higher vertex.
        """
        adjacency, ops = self._read(text)
        n = len(ops)
        if not 2 <= n <= self.vertices:
            raise InputError(f"space {self.name!r}: 'ops' has {n} vertices, allowed: 2 to {self.vertices}")
        expected = (*self.operations[:1], *[None] * (n - 2), *self.operations[-1:])
        for vertex, (op, label) in enumerate(zip(ops, expected, strict=True)):
            allowed = [label] if label is not None else self.operations[1:-1]
            if op not in allowed:
                hint = did_you_mean(str(op), allowed)
                raise InputError(f"space {self.name!r}: 'ops' has {op!r} at vertex {vertex}; {hint}")
        if len(adjacency) != n or not all(isinstance(row, list) and len(row) == n for row in adjacency):
            raise InputError(
                f"space {self.name!r}: {self.matrix_key!r} must be {n} lists of {n} entries, as 'ops' has {n}"
            )
        for i, row in enumerate(adjacency):
            for j, entry in enumerate(row):
                if isinstance(entry, bool) or entry not in (0, 1):
                    raise InputError(
                        f"space {self.name!r}: {self.matrix_key!r} [{i}][{j}] is {entry!r}, must be 0 or 1"
                    )
                if entry and j <= i:
                    raise InputError(
                        f"space {self.name!r}: {self.matrix_key!r} [{i}][{j}] is 1, but arcs go from a lower "
                        "to a higher vertex (upper triangular)"
                    )
        indices = np.array([[self.operations.index(op) for op in ops]])
        return as_arch(self.pack(np.array([adjacency], dtype=np.bool_), indices)[0])

    def parse_many(self, texts: Sequence[str]) -> Codes:
        """Read a batch, shape (n, code length). Raises InputError that begins with ``row <i>``."""
        return parse_rows(self, texts)

    def format(self, arch: Arch) -> str:
        """Write the cell as compact JSON with the keys ``matrix_key`` and ``ops``."""
        cell = self.graph(arch)
        content = {self.matrix_key: cell.adjacency.astype(int).tolist(), "ops": list(cell.operations)}
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False)

    def canonical(self, arch: Arch) -> str:
        """Return a hash that is equal for cells that are isomorphic on input-output paths."""
        return self.canonical_many(np.array([self._checked(arch)], dtype=np.int16))[0]

    def canonical_many(self, codes: Codes) -> list[str]:
        """Return ``canonical`` of each row."""
        adjacency, ops = self.unpack(codes)
        # An absent vertex has no arcs, so its label (that of index -1) has no effect.
        return hash_cells(adjacency, label_values(self.operations)[ops])

    def graph(self, arch: Arch) -> CellGraph:
        """Return the cell without absent vertices."""
        adjacency, ops = self.unpack(np.array([self._checked(arch)], dtype=np.int16))
        present = np.flatnonzero(ops[0] != ABSENT)
        return CellGraph(
            adjacency[0][np.ix_(present, present)], tuple(self.operations[code] for code in ops[0][present])
        )

    # The protocol's signature; these two refuse, whatever they are given.
    def count(self, codes: Codes, dataset: DatasetInfo) -> NoReturn:  # noqa: ARG002
        """Refuse: nothing is known of the networks.

        Raises:
            InputError: Always.
        """
        raise InputError(self._no_network(dataset, "parameters and multiply-adds cannot be counted"))

    def build(self, arch: Arch, dataset: DatasetInfo, **size: int) -> torch.nn.Module:  # noqa: ARG002
        """Refuse: nothing is known of the networks.

        Raises:
            InputError: Always.
        """
        raise InputError(self._no_network(dataset, "they cannot be built"))

    def _no_network(self, dataset: DatasetInfo, consequence: str) -> str:
        return (
            f"space {self.name!r} ({dataset.name!r}): a table of cells does not tell what their "
            f"networks look like, so {consequence}"
        )

    def _read(self, text: str) -> tuple[list[Any], list[Any]]:
        wrong = (
            f"space {self.name!r}: an architecture is "
            f'{{"{self.matrix_key}": [[...], ...], "ops": [...]}} in JSON'
        )
        if not isinstance(text, str):
            raise InputError(f"{wrong}, got {text!r}")
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{wrong}, got {text[:200]!r} ({error})") from error
        if not isinstance(content, dict) or content.keys() != {self.matrix_key, "ops"}:
            raise InputError(f"{wrong} with these two keys, got {text[:200]!r}")
        for key, value in content.items():
            if not isinstance(value, list):
                raise InputError(f"{wrong}; {key!r} must be a list, got {value!r}")
        return content[self.matrix_key], content["ops"]

    def _checked(self, arch: Arch) -> Arch:
        v, last = self.vertices, len(self.operations) - 1
        arcs = v * (v - 1) // 2
        if len(arch) != arcs + v or not all(bit in (0, 1) for bit in arch[:arcs]):
            raise InputError(
                f"space {self.name!r}: an architecture is {arcs} bits and {v} codes, got {arch!r}"
            )
        ops = np.array(arch[arcs:])
        inner = ops[1:-1]
        absent = inner == ABSENT
        in_order = bool((absent[:-1] <= absent[1:]).all())
        if ops[0] != 0 or ops[-1] != last or not in_order or ((inner < 1) | (inner >= last))[~absent].any():
            raise InputError(
                f"space {self.name!r}: operation codes must be 0, then 1 to {last - 1}, then {ABSENT} for "
                f"absent vertices, then {last}, got {arch[arcs:]!r}"
            )
        source, target = possible_arcs(v)
        used = np.array(arch[:arcs]) == 1
        if ((ops[source] == ABSENT) | (ops[target] == ABSENT))[used].any():
            raise InputError(f"space {self.name!r}: an absent vertex has an arc in {arch!r}")
        return as_arch(arch)

"""NAS-Bench-201: cells of four nodes with one of five operations on each of six edges.

Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020 (arXiv 2001.00326).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import Arch, CellGraph, Codes, DatasetInfo, EdgeLayout, as_arch, parse_rows
from tasks.spaces.nasbench201_cost import network_cost

if TYPE_CHECKING:
    import torch

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the official order; the position is the code."""

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, target) of each column of the codes: the order of the architecture string."""

NONE, SKIP, CONV1, CONV3, POOL = range(5)

_NOTATION = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
_LINE_GRAPH = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))


@dataclass(frozen=True, slots=True)
class NasBench201:
    """The search space of NAS-Bench-201: 5^6 = 15,625 cells, 6,466 of them different.

    An architecture is six operation codes in the order of ``EDGES``.
    """

    name: ClassVar[str] = "nasbench201"
    layout: ClassVar[EdgeLayout] = EdgeLayout(OPERATIONS, EDGES)

    def all_codes(self) -> Codes:
        """Return every cell in lexicographic order of the codes, shape (15625, 6)."""
        grid = np.indices((len(OPERATIONS),) * len(EDGES), dtype=np.int16)
        return np.ascontiguousarray(grid.reshape(len(EDGES), -1).T)

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` cells independently and uniformly from all 15,625; shape (n, 6)."""
        return rng.integers(len(OPERATIONS), size=(n, len(EDGES)), dtype=np.int16)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Return a copy with another operation on exactly one edge, uniform over the 24."""
        arch = self._checked(arch)
        edge = int(rng.integers(len(EDGES)))
        shift = int(rng.integers(1, len(OPERATIONS)))
        return (*arch[:edge], (arch[edge] + shift) % len(OPERATIONS), *arch[edge + 1 :])

    def neighbors(self, arch: Arch) -> list[Arch]:
        """Return the 24 cells that differ in one edge, by edge, then by operation code."""
        arch = self._checked(arch)
        return [
            (*arch[:edge], code, *arch[edge + 1 :])
            for edge in range(len(EDGES))
            for code in range(len(OPERATIONS))
            if code != arch[edge]
        ]

    def parse(self, text: str) -> Arch:
        """Read the official notation, such as ``|skip_connect~0|+|none~0|none~1|+|...|``.

        Raises:
            InputError: Anything else; says which node or operation is wrong.
        """
        if not isinstance(text, str):
            raise InputError(f"{self.name}: an architecture is a string {_NOTATION}, got {text!r}")
        wrong = f"{self.name}: architecture {text!r} is not of the form {_NOTATION}"
        groups = text.split("+")
        if len(groups) != 3:
            raise InputError(f"{wrong}: it has {len(groups)} nodes separated by '+', 3 are needed")
        arch: list[int] = []
        for node, group in enumerate(groups, start=1):
            if len(group) < 2 or group[0] != "|" or group[-1] != "|":
                raise InputError(f"{wrong}: node {node} ({group!r}) must begin and end with '|'")
            edges = group[1:-1].split("|")
            if len(edges) != node:
                raise InputError(f"{wrong}: node {node} has {len(edges)} incoming edges, {node} are needed")
            for source, edge in enumerate(edges):
                operation, _, origin = edge.partition("~")
                if operation not in OPERATIONS:
                    hint = did_you_mean(operation, OPERATIONS)
                    raise InputError(f"{wrong}: unknown operation {operation!r} into node {node}; {hint}")
                if origin != str(source):
                    raise InputError(
                        f"{wrong}: edge {source} into node {node} says it comes from node {origin!r}, "
                        f"expected '~{source}'"
                    )
                arch.append(OPERATIONS.index(operation))
        return tuple(arch)

    def parse_many(self, texts: Sequence[str]) -> Codes:
        """Read a batch of architecture strings, shape (n, 6).

        Raises:
            InputError: Begins with ``row <i>``, the first row that cannot be read.
        """
        codes = _parse_columns(texts)
        return parse_rows(self, texts) if codes is None else codes

    def format(self, arch: Arch) -> str:
        """Write the official notation."""
        op = [OPERATIONS[code] for code in self._checked(arch)]
        return f"|{op[0]}~0|+|{op[1]}~0|{op[2]}~1|+|{op[3]}~0|{op[4]}~1|{op[5]}~2|"

    def canonical(self, arch: Arch) -> str:
        """Return the expression that the output node computes.

        This is the unique form of NAS-Bench-201 (appendix of the paper; 6,466 classes): ``none``
        and operations on nothing give ``#``, ``skip_connect`` gives its source, any other
        operation ``(source)@operation``; a node is the sum of its sorted terms. Zeros stay terms
        of a sum, so a few cells that compute the same function keep different forms.
        """
        one, two, three, four, five, six = self._checked(arch)
        return _output(_first(one), _second(one, two, three), four, five, six)

    def canonical_many(self, codes: Codes) -> list[str]:
        """Return ``canonical`` of each row."""
        return [self.canonical(row) for row in map(tuple, np.asarray(codes).tolist())]

    def is_connected(self, codes: Codes) -> NDArray[np.bool_]:
        """Tell which cells have a path from input to output, shape (n,); 341 of all have none."""
        alive = np.asarray(codes) != NONE
        node2 = alive[:, 1] | (alive[:, 0] & alive[:, 2])
        return np.asarray(alive[:, 3] | (alive[:, 0] & alive[:, 4]) | (node2 & alive[:, 5]))

    def graph(self, arch: Arch) -> CellGraph:
        """Return the line graph: input, the six edges in the order of ``EDGES``, output."""
        operations = tuple(OPERATIONS[code] for code in self._checked(arch))
        adjacency = np.zeros((8, 8), dtype=np.bool_)
        adjacency[tuple(np.array(_LINE_GRAPH).T)] = True
        return CellGraph(adjacency, ("input", *operations, "output"))

    def count(self, codes: Codes, dataset: DatasetInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return trainable parameters and multiply-adds of each network, both of shape (n,).

        Raises:
            InputError: The data set's number of classes or resolution is unknown or unusable.
        """
        codes = np.atleast_2d(codes)
        conv1, conv3, pool = ((codes == code).sum(axis=1, dtype=np.int64) for code in (CONV1, CONV3, POOL))
        return network_cost(conv1, conv3, pool, dataset)

    def build(self, arch: Arch, dataset: DatasetInfo, **size: int) -> torch.nn.Module:
        """Return the network, freshly initialised from torch's global generator.

        Args:
            arch: The cell.
            dataset: Gives classes and input channels.
            **size: ``channels`` of the first stage (16) and ``cells`` per stage (5).

        Raises:
            InputError: An unknown size, or a data set with an unknown number of classes.
        """
        from tasks.spaces.nasbench201_network import build_network

        return build_network(self._checked(arch), dataset, **size)

    def _checked(self, arch: Arch) -> Arch:
        if len(arch) != len(EDGES) or not all(0 <= code < len(OPERATIONS) for code in arch):
            raise InputError(f"{self.name}: an architecture is 6 codes from 0 to 4, got {arch!r}")
        return as_arch(arch)


def _parse_columns(texts: Sequence[str]) -> Codes | None:
    """Read all strings column by column; None if any of them is not exactly the notation."""
    if not texts or not all(isinstance(text, str) for text in texts):
        return None
    # Cut at the bars, "|a~0|+|b~0|c~1|+|d~0|e~1|f~2|" is nine pieces and the end of the string.
    pieces = "\n".join(texts).split("|")
    if (
        len(pieces) != 9 * len(texts) + 1
        or pieces[0] + pieces[-1]
        or not set(pieces[9:-1:9]) <= {"\n"}
        or {*pieces[2::9], *pieces[5::9]} != {"+"}
    ):
        return None
    codes = np.empty((len(texts), len(EDGES)), dtype=np.int16)
    for column, (place, (source, _)) in enumerate(zip((1, 3, 4, 6, 7, 8), EDGES, strict=True)):
        code_of = {f"{operation}~{source}": code for code, operation in enumerate(OPERATIONS)}
        codes[:, column] = [code_of.get(piece, -1) for piece in pieces[place::9]]
    return None if (codes < 0).any() else codes


# The expression of a node depends on few codes, so there are only 5 first and 125 second nodes;
# remembering them leaves one short sum per cell.


@cache
def _first(one: int) -> str:
    return _term("0", one)


@cache
def _second(one: int, two: int, three: int) -> str:
    return "+".join(sorted((_term("0", two), _term(_first(one), three))))


@cache
def _term(source: str, code: int) -> str:
    if code == NONE or source == "#":
        return "#"
    return source if code == SKIP else f"({source})@{OPERATIONS[code]}"


def _output(first: str, second: str, four: int, five: int, six: int) -> str:
    return "+".join(sorted((_term("0", four), _term(first, five), _term(second, six))))

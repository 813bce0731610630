"""DARTS: pairs of a normal and a reduction cell, the space of NAS-Bench-301.

Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019; Zela et al.,
"Surrogate NAS Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS Benchmarks", ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.spaces import darts_genotype as genotype
from tasks.spaces.base import Arch, CellGraph, CellPairLayout, Codes, DatasetInfo, as_arch, parse_rows
from tasks.spaces.darts_cost import network_cost
from tasks.spaces.darts_form import canonical_forms
from tasks.spaces.darts_graph import merged_adjacency
from tasks.spaces.darts_parts import CELLS, INPUTS, NODES, OPERATIONS, PAIRS, operations, predecessors

if TYPE_CHECKING:
    import torch

LENGTH = CELLS * NODES * PAIRS * 2
"""Codes per architecture: 32."""

_CHOICES = tuple(
    np.array([(first, second) for second in range(node + INPUTS) for first in range(second)], dtype=np.int16)
    for node in range(NODES)
)
"""Per node, the possible pairs of predecessors: 1, 3, 6 and 10 of them."""

_EDITS = tuple(
    (cell, node, pair, what)
    for cell in range(CELLS)
    for node in range(NODES)
    for pair in range(PAIRS)
    for what in ("operation", "predecessor")
    # The first node has no other predecessor to take.
    if what == "operation" or node > 0
)


@dataclass(frozen=True, slots=True)
class Darts:
    """The search space of DARTS: 180 x 49^4 normal cells times as many reduction cells.

    A cell has two inputs, 0 (the output of the cell before the last) and 1 (of the last cell), and the
    nodes 2 to 5. A node is the sum of two operations on different earlier ones; the output joins the
    channels of all four nodes. The seven operations are those of genotypes: ``none`` exists in the
    search of DARTS only, never in its result.

    An architecture is 32 codes: for the normal, then the reduction cell, for each node its two pairs
    (predecessor, operation), the lower predecessor first. The order of the pairs means nothing, so
    ``parse`` sorts them.
    """

    name: ClassVar[str] = "darts"
    layout: ClassVar[CellPairLayout] = CellPairLayout(OPERATIONS, NODES)

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` architectures independently and uniformly; shape (n, 32)."""
        codes = np.empty((n, CELLS, NODES, PAIRS, 2), dtype=np.int16)
        for node, choices in enumerate(_CHOICES):
            codes[:, :, node, :, 0] = choices[rng.integers(len(choices), size=(n, CELLS))]
        codes[..., 1] = rng.integers(len(OPERATIONS), size=codes.shape[:-1])
        return codes.reshape(n, LENGTH)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Return a copy with another operation or another predecessor in exactly one pair.

        Of all pairs, and of operation and predecessor, one is drawn uniformly among those that can
        change (28 of 32: the predecessors of the first nodes are given); then its new value.
        """
        arch = self._checked(arch)
        edit = _EDITS[int(rng.integers(len(_EDITS)))]
        values = _alternatives(arch, edit)
        return _edited(arch, edit, values[int(rng.integers(len(values)))])

    def neighbors(self, arch: Arch) -> list[Arch]:
        """Return the 120 architectures that differ in one operation (96) or one predecessor (24).

        By pair in the order of the codes, operations before predecessors, in ascending order.
        """
        arch = self._checked(arch)
        return [_edited(arch, edit, value) for edit in _EDITS for value in _alternatives(arch, edit)]

    def parse(self, text: str) -> Arch:
        """Read a genotype in the notation of DARTS, or its compact form.

        ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=[...],
        reduce_concat=[2, 3, 4, 5])`` has eight pairs (operation, predecessor) per cell, two per node;
        ``range(2, 6)`` may stand for the list. The compact form ``(((0, 3), ...), ((0, 3), ...))`` has
        pairs (predecessor, index into ``OPERATIONS``).

        Raises:
            InputError: Anything else; says what is wrong.
        """
        return genotype.parse(text)

    def parse_many(self, texts: Sequence[str]) -> Codes:
        """Read a batch, shape (n, 32). Raises InputError that begins with ``row <i>``."""
        return parse_rows(self, texts)

    def format(self, arch: Arch) -> str:
        """Write the notation of DARTS."""
        return genotype.write(self._checked(arch))

    def format_compact(self, arch: Arch) -> str:
        """Write the compact form."""
        return genotype.write_compact(self._checked(arch))

    def canonical(self, arch: Arch) -> str:
        """Return a text that is equal exactly for isomorphic pairs of cells.

        Nodes may be numbered in another order, which only permutes the channels of the output. A few
        cells compute the same function without being isomorphic, such as those in which two nodes are
        equal because they have no weights; they keep different forms.
        """
        return self.canonical_many(np.array([self._checked(arch)], dtype=np.int16))[0]

    def canonical_many(self, codes: Codes) -> list[str]:
        """Return ``canonical`` of each row."""
        return canonical_forms(np.asarray(codes))

    def graph(self, arch: Arch) -> CellGraph:
        """Return both cells side by side, 11 vertices each, without an arc between them.

        A cell is two inputs, one vertex per pair, output. A pair hears its input, or both pairs of
        the node that it starts from; all pairs lead to the output.
        """
        codes = np.array([self._checked(arch)], dtype=np.int16)
        names = np.array(OPERATIONS)[operations(codes)[0].reshape(CELLS, NODES * PAIRS)].tolist()
        labels = [label for cell in names for label in ("input", "input", *cell, "output")]
        return CellGraph(merged_adjacency(predecessors(codes))[0], tuple(labels))

    def count(self, codes: Codes, dataset: DatasetInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return trainable parameters and multiply-adds of each network, both of shape (n,).

        Of the network that ``build`` makes by default; ``darts_cost.network_cost`` counts others.

        Raises:
            InputError: The data set's number of classes or resolution is unknown or unusable.
        """
        return network_cost(np.atleast_2d(codes), dataset)

    def build(self, arch: Arch, dataset: DatasetInfo, **size: int) -> torch.nn.Module:
        """Return the network, freshly initialised from torch's global generator.

        Without auxiliary head and without dropped paths.

        Args:
            arch: The pair of cells.
            dataset: Gives classes and input channels.
            **size: ``channels`` of the nodes in the first cells (32) and ``cells`` (8, at least 3; those
                after one and two thirds are reduction cells). The defaults are those of NAS-Bench-301;
                DARTS evaluates with 36 channels and 20 cells.

        Raises:
            InputError: An unknown or too small size, or a data set with an unknown number of classes.
        """
        from tasks.spaces.darts_network import build_network

        return build_network(self._checked(arch), dataset, **size)

    def _checked(self, arch: Arch) -> Arch:
        if len(arch) != LENGTH:
            raise InputError(f"{self.name}: an architecture is {LENGTH} codes, got {len(arch)}: {arch!r}")
        for place in range(0, LENGTH, 4):
            low, first, high, second = arch[place : place + 4]
            node = place // 4 % NODES + INPUTS
            if not 0 <= low < high < node or not (0 <= first < len(OPERATIONS) > second >= 0):
                raise InputError(
                    f"{self.name}: codes {place} to {place + 3} of an architecture must be two pairs of "
                    f"predecessor (0 to {node - 1}, ascending) and operation (0 to {len(OPERATIONS) - 1}), "
                    f"got {arch[place : place + 4]!r}"
                )
        return as_arch(arch)


def _alternatives(arch: Arch, edit: tuple[int, int, int, str]) -> list[int]:
    """Return the other values that what is edited can have."""
    cell, node, pair, what = edit
    place = ((cell * NODES + node) * PAIRS + pair) * 2
    if what == "operation":
        return [code for code in range(len(OPERATIONS)) if code != arch[place + 1]]
    partner = place + (2 if pair == 0 else -2)
    return [code for code in range(node + INPUTS) if code not in (arch[place], arch[partner])]


def _edited(arch: Arch, edit: tuple[int, int, int, str], value: int) -> Arch:
    """Return the architecture with this value, pairs in order."""
    cell, node, pair, what = edit
    start = (cell * NODES + node) * PAIRS * 2
    pairs = [list(arch[start : start + 2]), list(arch[start + 2 : start + 4])]
    pairs[pair][0 if what == "predecessor" else 1] = value
    first, second = sorted(pairs)
    return (*arch[:start], *first, *second, *arch[start + 4 :])

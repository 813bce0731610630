"""NAS-Bench-NLP: recurrent cells of free wiring for language models.

Klyuchnikov et al., "NAS-Bench-NLP: Neural Architecture Search Benchmark for Natural Language
Processing", 2020 (arXiv 2006.07116).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tasks.errors import InputError
from tasks.spaces.base import (
    Arch,
    CellGraph,
    Codes,
    DatasetInfo,
    RecurrentLayout,
    as_arch,
    code_length,
)
from tasks.spaces.dataset_facts import known_classes
from tasks.spaces.nasbench_nlp_cost import Counts, ModelSize, network_cost
from tasks.spaces.nasbench_nlp_edits import KINDS, edits
from tasks.spaces.nasbench_nlp_form import ABSENT, FIRST_NODE, LAYOUT, OPERATIONS, Cells, faults, unpack
from tasks.spaces.nasbench_nlp_generator import random_cells
from tasks.spaces.nasbench_nlp_hash import hash_cells
from tasks.spaces.nasbench_nlp_notation import SPACE, format_recipe, parse_recipes

if TYPE_CHECKING:
    import torch

_SOURCES = ("x", *(f"h_prev_{state}" for state in range(LAYOUT.states)))


@dataclass(frozen=True, slots=True)
class NasBenchNlp:
    """Recurrent cells of at most 21 nodes and 1 to 3 hidden states.

    With the input and the old hidden states these are at most 25 vertices, as in White et al., "How
    Powerful are Performance Predictors in NAS?", NeurIPS 2021. A node is linear (2 or 3 inputs), a
    blend ``g * a + (1 - g) * b`` (inputs g, a, b), a product or sum of two, or an activation. ``x``
    goes into linear nodes only; it and every old hidden state is used, and so is every node.

    An architecture holds the operation codes of 21 nodes, their inputs (21 x 3 vertices) and the
    nodes of the three new hidden states (``RecurrentLayout``).
    """

    name: ClassVar[str] = SPACE
    layout: ClassVar[RecurrentLayout] = LAYOUT

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` cells independently by the rules of the published generator, shape (n, 87)."""
        return random_cells(rng, n)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Return a cell with exactly one edit: of a random kind, then uniform among those.

        The kinds are those of ``nasbench_nlp_edits.KINDS``; one that has no result is left out.

        Raises:
            InputError: No cell of the space.
        """
        arch = self._checked(arch)
        for kind in rng.permutation(len(KINDS)):
            near = edits(arch, KINDS[kind])
            if len(near):
                return as_arch(near[int(rng.integers(len(near)))])
        raise InputError(f"{self.name}: no other cell is one edit away from {self.format(arch)}")

    def neighbors(self, arch: Arch) -> list[Arch]:
        """Return every cell that is one edit away, by kind of edit."""
        arch = self._checked(arch)
        rows = [as_arch(row) for kind in KINDS for row in edits(arch, kind)]
        return list(dict.fromkeys(rows))

    def parse(self, text: str) -> Arch:
        """Read an official recipe (JSON).

        Raises:
            InputError: Anything else; says which rule of the space is broken.
        """
        return as_arch(parse_recipes([text], numbered=False)[0])

    def parse_many(self, texts: Sequence[str]) -> Codes:
        """Read a batch, shape (n, 87). Raises InputError that begins with ``row <i>``."""
        return parse_recipes(texts)

    def format(self, arch: Arch) -> str:
        """Write an official recipe, its nodes named by their number (``node_0``, ...)."""
        return format_recipe(self._cell(arch))

    def canonical(self, arch: Arch) -> str:
        """Return a hash that is equal for cells that differ in numbering only.

        That is in the order of nodes, in the order of inputs where it has no effect, and in the
        numbers of the hidden states beyond the one that leaves the cell, ``h_new_0``.
        """
        return hash_cells(self._cell(arch))[0]

    def canonical_many(self, codes: Codes) -> list[str]:
        """Return ``canonical`` of each row.

        Raises:
            InputError: A row is no cell of this space.
        """
        return hash_cells(self._cells(codes))

    def graph(self, arch: Arch) -> CellGraph:
        """Return inputs, nodes and an output that gathers the new hidden states.

        Labels are ``x``, ``h_prev_<k>``, the operations and ``output``.
        """
        cell = self._cell(arch)
        nodes = int(cell.present[0].sum())
        states = cell.states[0][cell.states[0] != ABSENT]
        slots = [*range(1 + len(states)), *range(FIRST_NODE, FIRST_NODE + nodes)]
        size = len(slots) + 1
        adjacency = np.zeros((size, size), dtype=np.bool_)
        adjacency[:-1, size - 1 - nodes : -1] = cell.arcs[0, :nodes][:, slots].T
        adjacency[np.searchsorted(slots, states), -1] = True
        labels = [_SOURCES[slot] for slot in slots if slot < FIRST_NODE]
        labels += [OPERATIONS[operation] for operation in cell.operations[0, :nodes]]
        return CellGraph(adjacency, (*labels, "output"))

    def count(self, codes: Codes, dataset: DatasetInfo, **size: int) -> tuple[Counts, Counts]:
        """Return trainable parameters, and multiply-adds per token, both of shape (n,).

        Args:
            codes: Shape (n, 87).
            dataset: ``num_classes`` is the size of the vocabulary.
            **size: As ``build``.

        Raises:
            InputError: A row is no cell of this space, an unknown size, or an unknown vocabulary.
        """
        return network_cost(self._cells(codes), known_classes(dataset), ModelSize.from_mapping(size))

    def build(self, arch: Arch, dataset: DatasetInfo, **size: int) -> torch.nn.Module:
        """Return the language model of a cell, initialised from torch's global generator.

        Args:
            arch: The cell.
            dataset: ``num_classes`` is the size of the vocabulary.
            **size: ``embedding`` (400), ``hidden`` (600), ``layers`` (3), ``tied`` (1): see
                ``ModelSize``.

        Raises:
            InputError: No cell of this space, an unknown size, or an unknown vocabulary.
        """
        from tasks.spaces.nasbench_nlp_network import LanguageModel

        return LanguageModel(self._cell(arch), known_classes(dataset), ModelSize.from_mapping(size))

    def _cell(self, arch: Arch) -> Cells:
        return unpack(np.array([self._checked(arch)], dtype=np.int16))

    def _checked(self, arch: Arch) -> Arch:
        if len(arch) != code_length(LAYOUT):
            raise InputError(f"{self.name}: an architecture is {code_length(LAYOUT)} codes, got {arch!r}")
        for rule, broken in faults(np.array([arch])):
            if broken[0]:
                raise InputError(f"{self.name}: {rule} in {arch!r}")
        return as_arch(arch)

    def _cells(self, codes: Codes) -> Cells:
        codes = np.atleast_2d(codes)
        for rule, broken in faults(codes):
            for row in np.flatnonzero(broken)[:1].tolist():
                raise InputError(f"row {row}: {self.name}: {rule} in {as_arch(codes[row])!r}")
        return unpack(codes)

"""Recurrent cells that are one edit away from a given one."""

from __future__ import annotations

import numpy as np

from tasks.spaces.base import Arch, Codes
from tasks.spaces.nasbench_nlp_form import (
    ABSENT,
    BLEND,
    FIRST_NODE,
    LAYOUT,
    LINEAR,
    OPERATIONS,
    TANH,
    Cells,
    X,
    direct_states,
    in_order,
    pack,
    unpack,
    valid,
)

KINDS = ("operation", "input", "arity", "order", "state", "size")
"""Kinds of edits: change an operation for one that reads as many vertices; let a node read another
vertex; add or take away the third input of a linear node; exchange two inputs of a blend; make
another node a new hidden state, or exchange two; insert an activation into an arc, or take out one
that a single node reads."""

_ACTIVATIONS = range(TANH, len(OPERATIONS))


def edits(arch: Arch, kind: str) -> Codes:
    """Return the cells of one kind of edit, in a fixed order, shape (m, 87).

    A cell in which no new hidden state reads an old one directly, as in all sampled cells, has no
    neighbours in which one does.
    """
    cell = unpack(np.array([arch], dtype=np.int16))
    drafts = _DRAFTS[kind](_Draft(cell))
    if not drafts:
        return np.empty((0, len(arch)), dtype=np.int16)
    cells, ordered = in_order(
        Cells(
            np.stack([draft.operations for draft in drafts]),
            np.stack([draft.inputs for draft in drafts]),
            np.stack([draft.states for draft in drafts]),
        )
    )
    codes = pack(cells)
    good = ordered & valid(codes)
    if not direct_states(cell)[0]:
        good &= ~direct_states(cells)
    return codes[good]


class _Draft:
    """One cell, nodes numbered in any order, to be changed."""

    def __init__(self, cell: Cells) -> None:
        self.operations = cell.operations[0].copy()
        self.inputs = cell.inputs[0].copy()
        self.states = cell.states[0].copy()
        self.count = int((self.operations != ABSENT).sum())

    def copy(self) -> _Draft:
        return _Draft(Cells(self.operations[None], self.inputs[None], self.states[None]))

    def reads(self, node: int) -> list[int]:
        """The vertices that a node reads."""
        return [int(vertex) for vertex in self.inputs[node] if vertex != ABSENT]

    def with_input(self, node: int, position: int, vertex: int) -> _Draft:
        draft = self.copy()
        draft.inputs[node, position] = vertex
        return draft

    def others(self, node: int) -> list[int]:
        """The vertices that a node could read and does not."""
        vertices = [*range(FIRST_NODE), *range(FIRST_NODE, FIRST_NODE + self.count)]
        return [v for v in vertices if v not in self.reads(node) and v != FIRST_NODE + node]


def _operations(cell: _Draft) -> list[_Draft]:
    drafts = []
    for node in range(cell.count):
        for operation in range(len(OPERATIONS)):
            if operation != cell.operations[node]:
                draft = cell.copy()
                draft.operations[node] = operation  # a wrong number of inputs is sorted out later
                drafts.append(draft)
    return drafts


def _inputs(cell: _Draft) -> list[_Draft]:
    return [
        cell.with_input(node, position, vertex)
        for node in range(cell.count)
        for position in range(len(cell.reads(node)))
        for vertex in cell.others(node)
    ]


def _arity(cell: _Draft) -> list[_Draft]:
    drafts = []
    for node in np.flatnonzero(cell.operations == LINEAR).tolist():
        read = cell.reads(node)
        if len(read) == 2:
            drafts += [cell.with_input(node, 2, vertex) for vertex in cell.others(node)]
            continue
        for left_out in range(len(read)):
            draft = cell.copy()
            draft.inputs[node] = [*read[:left_out], *read[left_out + 1 :], ABSENT]
            drafts.append(draft)
    return drafts


def _order(cell: _Draft) -> list[_Draft]:
    drafts = []
    for node in np.flatnonzero(cell.operations == BLEND).tolist():
        for i, j in ((0, 1), (0, 2), (1, 2)):
            draft = cell.copy()
            draft.inputs[node, [i, j]] = draft.inputs[node, [j, i]]
            drafts.append(draft)
    return drafts


def _states(cell: _Draft) -> list[_Draft]:
    drafts = []
    count = int((cell.states != ABSENT).sum())
    for state in range(count):
        for vertex in range(FIRST_NODE, FIRST_NODE + cell.count):
            if vertex not in cell.states:
                draft = cell.copy()
                draft.states[state] = vertex
                drafts.append(draft)
        for other in range(state + 1, count):
            draft = cell.copy()
            draft.states[[state, other]] = draft.states[[other, state]]
            drafts.append(draft)
    return drafts


def _sizes(cell: _Draft) -> list[_Draft]:
    drafts = []
    if cell.count < LAYOUT.nodes:
        for node in range(cell.count):
            for position, vertex in enumerate(cell.reads(node)):
                for activation in _ACTIVATIONS if vertex != X else ():
                    draft = cell.with_input(node, position, FIRST_NODE + cell.count)
                    draft.operations[cell.count] = activation
                    draft.inputs[cell.count, 0] = vertex
                    drafts.append(draft)
    for node in range(cell.count):
        places = np.argwhere(cell.inputs == FIRST_NODE + node)
        vertex = FIRST_NODE + node
        if cell.operations[node] in _ACTIVATIONS and len(places) == 1 and vertex not in cell.states:
            draft = cell.copy()
            draft.inputs[tuple(places[0])] = cell.inputs[node, 0]
            draft.operations[node] = ABSENT
            draft.inputs[node] = ABSENT
            drafts.append(draft)
    return drafts


_DRAFTS = dict(zip(KINDS, (_operations, _inputs, _arity, _order, _states, _sizes), strict=True))

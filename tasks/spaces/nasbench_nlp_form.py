"""Recurrent cells of NAS-Bench-NLP as arrays, for whole batches: what is legal, and normal order.

A cell has the vertices 0 = ``x``, 1 to 3 = ``h_prev_0`` to ``h_prev_2``, and from 4 on its nodes, in
an order in which every node comes after its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes, RecurrentLayout

OPERATIONS = (
    "linear",
    "blend",
    "elementwise_prod",
    "elementwise_sum",
    "activation_tanh",
    "activation_sigm",
    "activation_leaky_relu",
)
"""Names in the official notation; the position is the code."""

LINEAR, BLEND, PROD, SUM, TANH, SIGM, LEAKY_RELU = range(7)

LAYOUT = RecurrentLayout(OPERATIONS, nodes=21, states=3, inputs=3)

ABSENT = -1
"""Code of a node, an input or a hidden state that the cell does not have."""

X = 0
"""Vertex of the input."""

FIRST_NODE = 1 + LAYOUT.states
VERTICES = FIRST_NODE + LAYOUT.nodes

FEWEST = np.array([2, 3, 2, 2, 1, 1, 1], dtype=np.int16)
MOST = np.array([3, 3, 2, 2, 1, 1, 1], dtype=np.int16)
"""Inputs of each operation."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Cells:
    """n cells.

    Attributes:
        operations: Code of each node, shape (n, 21).
        inputs: Vertices that each node reads, in order, shape (n, 21, 3).
        states: Vertices whose values are the new hidden states, shape (n, 3).
    """

    operations: Ints
    inputs: Ints
    states: Ints

    @property
    def present(self) -> Bools:
        """Which nodes are there, shape (n, 21)."""
        return np.asarray(self.operations != ABSENT)

    @property
    def arcs(self) -> Bools:
        """[:, i, u] tells whether node i reads vertex u; shape (n, 21, 25)."""
        reads = np.zeros((len(self.operations), LAYOUT.nodes, VERTICES + 1), dtype=np.bool_)
        # An absent input, -1, falls into a last column, which is cut off.
        np.put_along_axis(reads, self.inputs.astype(np.intp) % (VERTICES + 1), values=True, axis=2)
        return reads[:, :, :-1]


def unpack(codes: Codes) -> Cells:
    """Return codes of shape (n, 87) as cells."""
    nodes, inputs = LAYOUT.nodes, LAYOUT.inputs
    codes = np.asarray(codes)
    end = nodes * (1 + inputs)
    return Cells(codes[:, :nodes], codes[:, nodes:end].reshape(len(codes), nodes, inputs), codes[:, end:])


def pack(cells: Cells) -> Codes:
    """Return the codes of cells, shape (n, 87)."""
    n = len(cells.operations)
    return np.concatenate(
        [cells.operations, cells.inputs.reshape(n, -1), cells.states], axis=1, dtype=np.int16
    )


def live_nodes(cells: Cells) -> Bools:
    """Tell which nodes a new hidden state depends on, shape (n, 21)."""
    arcs = cells.arcs
    node = np.arange(FIRST_NODE, VERTICES)
    live = (cells.states[:, :, None] == node).any(axis=1)
    # Inputs come before the nodes that read them, so one sweep from the last node on is enough.
    for last in range(LAYOUT.nodes - 1, -1, -1):
        live |= live[:, last, None] & arcs[:, last, FIRST_NODE:]
    return np.asarray(live & cells.present)


def in_order(cells: Cells) -> tuple[Cells, Bools]:
    """Number the nodes anew, so that every one comes after its inputs and no number is left out.

    Of several nodes that could be next, the one that was first before is.

    Args:
        cells: Inputs may be any present vertices.

    Returns:
        The cells, and which of them could be ordered, shape (n,): those without a cycle and
        without an input or state that is not there.
    """
    n, nodes = cells.operations.shape
    present, reads = cells.present, cells.arcs
    rows = np.arange(n)
    placed = np.zeros((n, VERTICES + 1), dtype=np.bool_)
    placed[:, :FIRST_NODE] = True
    order = np.full((n, nodes), nodes, dtype=np.intp)
    rank = np.full((n, VERTICES + 1), ABSENT, dtype=np.int16)
    rank[:, :FIRST_NODE] = np.arange(FIRST_NODE)
    for place in range(int(present.sum(axis=1).max(initial=0))):
        missing = (reads & ~placed[:, None, :-1]).any(axis=2)
        ready = present & ~placed[:, FIRST_NODE:-1] & ~missing
        chosen = np.where(ready.any(axis=1), ready.argmax(axis=1), nodes)
        placed[rows, FIRST_NODE + chosen] = True
        rank[rows, FIRST_NODE + chosen] = FIRST_NODE + place
        order[:, place] = chosen
    rank[:, -1] = ABSENT  # where an absent input points to
    states = rank[rows[:, None], cells.states]
    complete = (placed[:, FIRST_NODE:-1] | ~present).all(axis=1) & (
        (states != ABSENT) == (cells.states != ABSENT)
    ).all(axis=1)
    empty = np.full((n, 1), ABSENT, dtype=np.int16)
    operations = np.concatenate([cells.operations, empty], axis=1)[rows[:, None], order]
    inputs = np.concatenate([cells.inputs, np.tile(empty[:, :, None], (1, 1, LAYOUT.inputs))], axis=1)
    renumbered = rank[rows[:, None, None], inputs[rows[:, None], order]]
    return Cells(operations, renumbered, states), np.asarray(complete)


def direct_states(cells: Cells) -> Bools:
    """Tell which cells have a new hidden state that reads an old one directly, shape (n,)."""
    reads_old = cells.arcs[:, :, 1:FIRST_NODE].any(axis=2)
    is_state = (cells.states[:, :, None] == np.arange(FIRST_NODE, VERTICES)).any(axis=1)
    return np.asarray((reads_old & is_state).any(axis=1))


def valid(codes: Codes) -> Bools:
    """Tell which rows are cells of the space, shape (n,)."""
    wrong = np.zeros(len(codes), dtype=np.bool_)
    for _, found in faults(codes):
        wrong |= found
    return ~wrong


def faults(codes: Codes) -> list[tuple[str, Bools]]:
    """Return each rule that a cell must keep, and which rows break it, shape (n,)."""
    codes = np.asarray(codes)
    top = np.concatenate(
        [
            np.full(LAYOUT.nodes, len(OPERATIONS) - 1),
            np.full(LAYOUT.nodes * LAYOUT.inputs + LAYOUT.states, VERTICES - 1),
        ]
    )
    outside = ((codes < ABSENT) | (codes > top)).any(axis=1)
    cells = unpack(np.clip(codes, ABSENT, top).astype(np.int16))
    present, inputs, states = cells.present, cells.inputs, cells.states
    given = inputs != ABSENT
    arity = given.sum(axis=2)
    fewest, most = (np.where(present, limit[cells.operations], 0) for limit in (FEWEST, MOST))
    pairs = [(0, 1), (0, 2), (1, 2)]
    twice = [given[:, :, j] & (inputs[:, :, i] == inputs[:, :, j]) for i, j in pairs]
    later = given & (inputs >= np.arange(FIRST_NODE, VERTICES)[:, None])
    old = np.arange(1, FIRST_NODE)
    state_count = (states != ABSENT).sum(axis=1)
    read = np.asarray(cells.arcs.any(axis=1))
    needed = old <= state_count[:, None]
    no_state = (states == ABSENT) != (old > state_count[:, None])
    is_node = (states >= FIRST_NODE) & (states < FIRST_NODE + present.sum(axis=1)[:, None])
    same_state = [(states[:, j] != ABSENT) & (states[:, i] == states[:, j]) for i, j in pairs]
    rules = [
        ("a code is out of range", outside),
        ("nodes must be numbered without a gap", np.any(present[:, 1:] & ~present[:, :-1], axis=1)),
        ("inputs must be listed without a gap", (given[:, :, 1:] & ~given[:, :, :-1]).any(axis=(1, 2))),
        ("a node has too few or too many inputs", ((arity < fewest) | (arity > most)).any(axis=1)),
        ("a node reads a vertex twice", np.any(twice, axis=(0, 2))),
        ("a node reads itself, a later or an absent node", later.any(axis=(1, 2))),
        (
            "only linear may read 'x'",
            ((inputs == X) & (cells.operations != LINEAR)[:, :, None]).any(axis=(1, 2)),
        ),
        ("there must be 'h_new_0', and the others without a gap", no_state.any(axis=1) | (state_count == 0)),
        ("a new hidden state must be a node", (~is_node & (states != ABSENT)).any(axis=1)),
        ("two new hidden states are one node", np.any(same_state, axis=0)),
        ("no node reads 'x'", ~read[:, X]),
        ("an old hidden state is not read", (needed & ~read[:, 1:FIRST_NODE]).any(axis=1)),
        ("an old hidden state has no new one", (~needed & read[:, 1:FIRST_NODE]).any(axis=1)),
        ("no new hidden state depends on a node", (present & ~live_nodes(cells)).any(axis=1)),
    ]
    return [(rule, np.asarray(broken, dtype=np.bool_)) for rule, broken in rules]

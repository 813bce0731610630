"""Recurrent cells (NAS-Bench-NLP) as graphs of a fixed number of vertices.

White et al., "How Powerful are Performance Predictors in NAS?", NeurIPS 2021, pad the cells of
NAS-Bench-NLP to 26 vertices with the output in the last place. Here vertex 0 is ``x``, 1 to 3 are the
old hidden states, 4 to 24 the nodes, and 25 is the output, which gathers the new hidden states. An
absent vertex has no label, so it is unlike every operation.

The hidden states beyond the first may be exchanged; they are numbered in the order of the nodes that
compute them, so that this order says which is which.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes, RecurrentLayout

ABSENT = -1
"""Label of a vertex that the cell does not have."""

INPUT = 0
"""Label of ``x``; the operations follow."""

Bools = NDArray[np.bool_]
Labels = NDArray[np.int64]


def vertices(layout: RecurrentLayout) -> int:
    """Return the number of vertices: 26 for NAS-Bench-NLP."""
    return layout.states + layout.nodes + 2


def classes(layout: RecurrentLayout) -> int:
    """Return the number of classes of vertices that compute something, ``x`` included: 8."""
    return 1 + len(layout.operations)


def state_label(layout: RecurrentLayout) -> int:
    """Return the label of an old hidden state; the next one is the output's."""
    return classes(layout)


def recurrent_graphs(layout: RecurrentLayout, codes: Codes) -> tuple[Bools, Labels]:
    """Return arcs, shape (n, 26, 26), upper triangular, and labels, shape (n, 26)."""
    n = len(codes)
    first = 1 + layout.states
    size = vertices(layout)
    operations, inputs, states = _parts(layout, codes)
    order = np.argsort(np.where(states[:, 1:] < 0, size, states[:, 1:]), axis=1, kind="stable")
    # Old hidden state 1 + order[i] becomes number 1 + i.
    number = np.tile(np.arange(size + 1), (n, 1))
    place = np.argsort(order, axis=1)
    number[:, 2:first] = 2 + place
    number[:, -1] = size  # where an absent vertex, -1, points to
    arcs = np.zeros((n, size + 1, size), dtype=np.bool_)
    row = np.arange(n)[:, None, None]
    target = np.arange(first, size - 1)[:, None]
    arcs[row, number[row, inputs], target] = True
    arcs[row[:, 0], np.where(states < 0, size, states), size - 1] = True
    labels = np.full((n, size), ABSENT, dtype=np.int64)
    labels[:, 0] = INPUT
    labels[:, 1:first] = np.where(
        np.arange(layout.states) < (states >= 0).sum(axis=1)[:, None], state_label(layout), ABSENT
    )
    labels[:, first:-1] = np.where(operations < 0, ABSENT, operations + 1)
    labels[:, -1] = state_label(layout) + 1
    return arcs[:, :-1], labels


def features(layout: RecurrentLayout) -> int:
    """Return vertices^2 + vertices x (classes + 1): 910 for NAS-Bench-NLP."""
    size = vertices(layout)
    return size * (size + classes(layout) + 1)


def encode(layout: RecurrentLayout, codes: Codes) -> NDArray[np.float64]:
    """Return the matrix of arcs row by row, then a block per vertex.

    A block has a one at the class of the vertex, where ``x`` and the old hidden states share the
    first, and a last bit for the node that computes ``h_new_0``, the state that leaves the cell. All
    new hidden states have an arc to the output. The block of an absent vertex is zero, and so is
    that of the output, which never differs.
    """
    arcs, labels = recurrent_graphs(layout, codes)
    n, size = labels.shape
    kind = np.where(labels == state_label(layout), INPUT, labels)
    blocks = np.zeros((n, size, classes(layout) + 1), dtype=np.float64)
    blocks[:, :, :-1] = kind[:, :, None] == np.arange(classes(layout))
    _, _, states = _parts(layout, codes)
    blocks[np.arange(n), states[:, 0], -1] = 1.0
    return np.concatenate([arcs.reshape(n, -1), blocks.reshape(n, -1)], axis=1, dtype=np.float64)


def possible_tokens(layout: RecurrentLayout, padding: int, no_arc: int, arc: int) -> Bools:
    """Return which tokens a sequence may have at each position, shape (350, 12): see ``sequence``."""
    first, size = 1 + layout.states, vertices(layout)
    always = {0, 1, first, size - 1}
    vocabulary = state_label(layout) + 4
    rows = []
    for j in range(1, size):
        for i in range(j):
            never = j < first or (j == size - 1 and i < first)
            tokens = {no_arc} if never else {no_arc, arc}
            rows.append(tokens if {i, j} <= always else {*tokens, padding})
        if j < first:
            own = {state_label(layout) + 2}
        elif j < size - 1:
            own = set(range(INPUT + 3, state_label(layout) + 2))
        else:
            own = {vocabulary - 1}
        rows.append(own if j in always else {*own, padding})
    return np.array([[token in row for token in range(vocabulary)] for row in rows])


def _parts(layout: RecurrentLayout, codes: Codes) -> tuple[Codes, Codes, Codes]:
    """Return operations, shape (n, 21), inputs, (n, 21, 3), and states, (n, 3)."""
    end = layout.nodes * (1 + layout.inputs)
    inputs = codes[:, layout.nodes : end].reshape(len(codes), layout.nodes, layout.inputs)
    return codes[:, : layout.nodes], inputs, codes[:, end:]

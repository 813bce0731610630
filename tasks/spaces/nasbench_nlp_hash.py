"""A hash of recurrent cells that does not depend on the numbering of nodes and hidden states.

Weisfeiler-Lehman colour refinement, as in ``graph_hash``, on the cell with its recurrence: an old
hidden state and the node that computes the new one know each other, so that the states beyond
``h_new_0``, the one that leaves the cell, may be exchanged. The inputs of a blend count by their
place; those of the other operations, which commute, do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.graph_hash import label_values, mix
from tasks.spaces.nasbench_nlp_form import ABSENT, BLEND, FIRST_NODE, LAYOUT, OPERATIONS, VERTICES, Cells

Colours = NDArray[np.uint64]

_LANES = np.array([0x8F14E45FCEEA167A, 0x2545F4914F6CDD1D], dtype=np.uint64)[:, None, None]
_NODE = label_values(OPERATIONS)
_SOURCE = label_values(("x", "h_prev_0", "h_prev", "h_prev"))
_PLACE = label_values(("any", "gate", "open", "shut"))
_READS, _READ, _NEW, _OLD = label_values(("reads", "read by", "new state", "old state"))
_BATCH = 2048


def hash_cells(cells: Cells) -> list[str]:
    """Return the hash of each cell, 32 hexadecimal digits; equal for isomorphic cells."""
    texts: list[str] = []
    for start in range(0, len(cells.operations), _BATCH):
        chunk = slice(start, start + _BATCH)
        part = Cells(cells.operations[chunk], cells.inputs[chunk], cells.states[chunk])
        texts += [f"{one:016x}{two:016x}" for one, two in _refine(part).T.tolist()]
    return texts


def _refine(cells: Cells) -> Colours:
    """Return the hash of each cell in two lanes, shape (2, n)."""
    n = len(cells.operations)
    present = np.ones((n, VERTICES), dtype=np.bool_)
    present[:, 1:FIRST_NODE] = cells.states != ABSENT
    present[:, FIRST_NODE:] = cells.present
    first = np.empty((n, VERTICES), dtype=np.uint64)
    first[:, :FIRST_NODE] = _SOURCE
    first[:, FIRST_NODE:] = _NODE[cells.operations]
    colour = mix(first ^ _LANES)
    places = np.where((cells.operations == BLEND)[:, :, None], np.arange(1, LAYOUT.inputs + 1), 0)
    node = np.arange(FIRST_NODE, VERTICES)[None, :, None]
    state = np.broadcast_to(np.arange(1, FIRST_NODE), cells.states.shape)
    arcs = [
        _Arcs(cells.inputs, np.broadcast_to(node, cells.inputs.shape), _PLACE[places], _READS, _READ),
        _Arcs(cells.states, state, np.broadcast_to(_SOURCE[1:], cells.states.shape), _NEW, _OLD),
    ]
    rounds = present.sum(axis=1)
    for done in range(int(rounds.max(initial=0))):
        gathered = np.zeros_like(colour)
        for some in arcs:
            some.exchange(colour, gathered)
        colour = np.where((done < rounds)[:, None], mix(mix(colour) + gathered), colour)
    total = np.where(present, mix(colour ^ _READS), np.uint64(0)).sum(axis=2, dtype=np.uint64)
    return mix(total + rounds.astype(np.uint64))


class _Arcs:
    """Pairs of vertices of n cells that tell each other their colours."""

    def __init__(
        self, source: NDArray[np.int16], target: NDArray[np.integer], salt: Colours, *marks: np.uint64
    ) -> None:
        there = source != ABSENT
        row = np.nonzero(there)[0]
        self.source = row * VERTICES + source[there]
        self.target = row * VERTICES + target[there]
        self.salt = salt[there]
        self.marks = marks

    def exchange(self, colour: Colours, gathered: Colours) -> None:
        """Add the scrambled colours of the neighbours to ``gathered``, both of shape (2, n, v)."""
        forward, backward = self.marks
        for lane, total in zip(colour.reshape(2, -1), gathered.reshape(2, -1), strict=True):
            np.add.at(total, self.target, mix(lane[self.source] ^ self.salt ^ forward))
            np.add.at(total, self.source, mix(lane[self.target] ^ self.salt ^ backward))

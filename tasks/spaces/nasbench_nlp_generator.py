"""Random recurrent cells by the rules of the generator of NAS-Bench-NLP.

Klyuchnikov et al., "NAS-Bench-NLP: Neural Architecture Search Benchmark for Natural Language
Processing", 2020 (arXiv 2006.07116), section 3, and the settings published with the data:

1. The cell has 1, 2 or 3 hidden states, and a budget of 7, 14 or 21 nodes beside them, all equally
   likely here.
2. Nodes are added until the budget is used up. The operation is linear with probability 1/2, else
   blend, product or sum, 1/6 each. A linear node reads 2 (.8) or 3 (.2) vertices among the inputs of
   the cell and the activations so far; a random activation of it follows. The others read as many
   vertices as they need among the old hidden states and all nodes so far (not ``x``), and are drawn
   again where there are too few.
3. Random nodes become the new hidden states, and nodes on which none of these depends are removed.
4. The cell is thrown away if ``x`` or an old hidden state is not read any more, or if a new hidden
   state reads an old one directly.

The published data were also limited in nodes; here a cell of more nodes than the space allows is
thrown away. Everything is drawn anew then, budget and number of hidden states included, as the
published numbers of cells suggest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes
from tasks.spaces.nasbench_nlp_form import (
    ABSENT,
    BLEND,
    FIRST_NODE,
    LAYOUT,
    LEAKY_RELU,
    LINEAR,
    MOST,
    PROD,
    SUM,
    TANH,
    Bools,
    Cells,
    Ints,
    X,
    direct_states,
    in_order,
    pack,
    valid,
)

MAIN = np.array([LINEAR, BLEND, PROD, SUM], dtype=np.int16)
MAIN_WEIGHTS = np.array([3, 1, 1, 1]) / 6
THREE_INPUTS = 0.2
"""Probability that a linear node reads three vertices, not two."""
BUDGETS = np.array([7, 14, 21])

# The last node that is added can be linear and bring an activation beyond the budget.
_DRAFT = int(BUDGETS.max()) + LAYOUT.states + 1
_BATCH = 2048


def random_cells(rng: np.random.Generator, n: int) -> Codes:
    """Draw ``n`` cells independently, shape (n, 87)."""
    parts: list[Codes] = [np.empty((0, LAYOUT.nodes * (1 + LAYOUT.inputs) + LAYOUT.states), np.int16)]
    missing = n
    while missing > 0:
        # About one draft in four survives.
        found = _survivors(rng, min(_BATCH, 6 * missing + 16))[:missing]
        parts.append(found)
        missing -= len(found)
    return np.concatenate(parts)


def _survivors(rng: np.random.Generator, n: int) -> Codes:
    count = rng.integers(1, LAYOUT.states + 1, size=n)
    budget = rng.choice(BUDGETS, size=n) + count
    operations, inputs = _drafts(rng, count, budget)
    states = _choice(rng, operations != ABSENT, LAYOUT.states) + FIRST_NODE
    states[np.arange(LAYOUT.states) >= count[:, None]] = ABSENT
    operations, inputs, fits = _pruned(operations, inputs, states)
    cells, _ = in_order(Cells(operations[:, : LAYOUT.nodes], inputs[:, : LAYOUT.nodes], states))
    codes = pack(cells)
    return codes[fits & valid(codes) & ~direct_states(cells)]


def _drafts(
    rng: np.random.Generator, count: NDArray[np.integer], budget: NDArray[np.integer]
) -> tuple[Ints, Ints]:
    """Return operations, shape (n, 25), and inputs, shape (n, 25, 3), before anything is removed."""
    n = len(count)
    operations = np.full((n, _DRAFT), ABSENT, dtype=np.int16)
    inputs = np.full((n, _DRAFT, LAYOUT.inputs), ABSENT, dtype=np.int16)
    size = np.zeros(n, dtype=np.intp)
    old = np.arange(1, FIRST_NODE) <= count[:, None]
    while (active := np.flatnonzero(size < budget)).size:
        main = rng.choice(MAIN, size=active.size, p=MAIN_WEIGHTS)
        linear = main == LINEAR
        sources = np.zeros((active.size, FIRST_NODE + _DRAFT), dtype=np.bool_)
        sources[:, 1:FIRST_NODE] = old[active]
        sources[:, X] = linear
        earlier = operations[active]
        sources[:, FIRST_NODE:] = np.where(linear[:, None], earlier >= TANH, earlier != ABSENT)
        wanted = MOST[main] - (linear & (rng.random(active.size) >= THREE_INPUTS))
        available = sources.sum(axis=1)
        wanted = np.where(linear, np.minimum(wanted, available), wanted)
        read = _choice(rng, sources, LAYOUT.inputs)
        read[np.arange(LAYOUT.inputs) >= wanted[:, None]] = ABSENT
        usable = wanted <= available
        rows, place = active[usable], size[active[usable]]
        operations[rows, place], inputs[rows, place] = main[usable], read[usable]
        follower = rng.integers(TANH, LEAKY_RELU + 1, size=active.size).astype(np.int16)[usable]
        follow = linear[usable]
        operations[rows[follow], place[follow] + 1] = follower[follow]
        inputs[rows[follow], place[follow] + 1, 0] = FIRST_NODE + place[follow]
        size[rows] += 1 + follow
    return operations, inputs


def _choice(rng: np.random.Generator, allowed: Bools, count: int) -> Ints:
    """Return ``count`` different columns among the allowed ones of each row, in random order."""
    keys = np.where(allowed, rng.random(allowed.shape), 2.0)
    return np.argsort(keys, axis=1)[:, :count].astype(np.int16)


def _pruned(operations: Ints, inputs: Ints, states: Ints) -> tuple[Ints, Ints, Bools]:
    """Remove nodes that no state depends on; also tells which cells have few enough nodes left.

    Nodes close up towards the front, and ``states`` is renumbered in place.
    """
    n = len(operations)
    rows = np.arange(n)[:, None]
    vertices = FIRST_NODE + _DRAFT
    live = np.zeros((n, vertices + 1), dtype=np.bool_)
    live[rows, states] = True
    for node in range(_DRAFT - 1, -1, -1):
        reader = live[:, FIRST_NODE + node]
        live[rows[reader], inputs[reader, node]] = True
    live[:, -1] = False  # where an absent input or state, -1, points to
    kept = live[:, FIRST_NODE:-1]
    order = np.argsort(~kept, axis=1, kind="stable")
    number = np.full((n, vertices + 1), ABSENT, dtype=np.int16)
    number[:, :FIRST_NODE] = np.arange(FIRST_NODE)
    number[:, FIRST_NODE:-1] = np.where(kept, FIRST_NODE - 1 + kept.cumsum(axis=1), ABSENT)
    operations = np.where(kept, operations, ABSENT).astype(np.int16)[rows, order]
    inputs = np.where(kept[:, :, None], inputs, ABSENT).astype(np.int16)[rows, order]
    states[:] = number[rows, states]
    return operations, number[rows[:, :, None], inputs], np.asarray(kept.sum(axis=1) <= LAYOUT.nodes)

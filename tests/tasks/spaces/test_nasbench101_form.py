"""Representative forms of NAS-Bench-101 cells against a search one by one."""

import itertools

import numpy as np
import pytest

from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench101_form import prune, representatives


def _cells(v, n, seed):
    """Pruned cells in ``v`` slots, some of them with absent vertices."""
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.random((n, v, v)) < 0.5, 1)
    adjacency[:, 0, -1] = True
    ops = np.full((n, v), 4, dtype=np.int16)
    ops[:, 0], ops[:, 1:-1] = 0, rng.integers(1, 4, size=(n, v - 2))
    return prune(adjacency, ops)


def _first_form(adjacency, ops):
    """The first in the order of enumeration, from all orders of the present inner vertices."""
    present = np.flatnonzero(ops != -1)
    best = None
    for order in itertools.permutations(present[1:-1]):
        index = np.array([0, *order, len(ops) - 1])
        matrix = adjacency[np.ix_(index, index)]
        if np.tril(matrix).any():
            continue
        v = len(index)
        number = sum(int(matrix[x, y]) << (x + y * (y - 1) // 2) for y in range(v) for x in range(y))
        key = (number, tuple(ops[list(order)].tolist()))
        if best is None or key < best[0]:
            best = (key, matrix, ops[index])
    return best[1:]


@pytest.mark.parametrize("v", [2, 3, 4, 5, 7])
def test_the_first_form_is_found(v):
    adjacency, ops = _cells(v, 40, v)
    matrices, labels = representatives(adjacency, ops)
    for row in range(len(ops)):
        matrix, label = _first_form(adjacency[row], ops[row])
        slots = np.array([*range(len(label) - 1), v - 1])
        np.testing.assert_array_equal(matrices[row][np.ix_(slots, slots)], matrix)
        np.testing.assert_array_equal(labels[row, slots], label)
        assert matrices[row].sum() == matrix.sum()
        assert (labels[row, len(label) - 1 : -1] == -1).all()


def test_isomorphic_cells_have_one_representative():
    space = NasBench101()
    codes = space.sample(np.random.default_rng(0), 4_000)
    upper = np.triu_indices(7, 1)
    adjacency = np.zeros((len(codes), 7, 7), dtype=bool)
    adjacency[:, *upper] = codes[:, :21]
    matrices, labels = representatives(*prune(adjacency, codes[:, 21:]))
    found = np.concatenate([matrices[:, *upper], labels], axis=1).astype(np.int16)
    assert space.canonical_many(found) == space.canonical_many(codes)
    classes = len(set(space.canonical_many(codes)))
    assert 500 < classes < 4_000
    assert len(np.unique(found, axis=0)) == classes
    again = representatives(matrices, labels)
    np.testing.assert_array_equal(again[0], matrices)
    np.testing.assert_array_equal(again[1], labels)


def test_no_cells():
    matrices, labels = representatives(np.zeros((0, 7, 7), dtype=bool), np.zeros((0, 7), dtype=np.int16))
    assert matrices.shape == (0, 7, 7)
    assert labels.shape == (0, 7)

"""The graph hash against brute force over all small cells."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.spaces.graph_hash import hash_cells, label_values, on_path

NAMES = ("in", "a", "b", "out")


def _all_cells(v, inner):
    """Every upper-triangular cell of v vertices with the given number of inner operations."""
    upper = np.triu_indices(v, 1)
    bits = np.array(list(itertools.product((0, 1), repeat=upper[0].size)), dtype=bool)
    ops = np.array([(0, *o, 3) for o in itertools.product(range(1, inner + 1), repeat=v - 2)])
    adjacency = np.zeros((len(bits), v, v), dtype=bool)
    adjacency[:, *upper] = bits
    return np.repeat(adjacency, len(ops), axis=0), np.tile(ops, (len(bits), 1))


def _reachable(adjacency):
    """Vertices on input-output paths, from powers of the adjacency matrix."""
    v = adjacency.shape[1]
    walks = np.linalg.matrix_power(adjacency.astype(int) + np.eye(v, dtype=int), v)
    return (walks[:, 0, :] > 0) & (walks[:, :, -1] > 0)


def _normal_form(adjacency, ops):
    """The smallest description of a pruned cell over all orders of its inner vertices."""
    live = np.flatnonzero(_reachable(adjacency[None])[0])
    if live.size == 0:
        return None
    inner = live[1:-1]
    return min(
        (tuple(ops[order]), tuple(adjacency[np.ix_(order, order)].ravel().tolist()))
        for order in (np.array([0, *p, len(ops) - 1]) for p in itertools.permutations(inner))
    )


def test_on_path_agrees_with_matrix_powers():
    adjacency, _ = _all_cells(5, 1)
    np.testing.assert_array_equal(on_path(adjacency), _reachable(adjacency))


def test_hash_is_the_isomorphism_class_of_all_small_cells():
    # 1,024 wirings x 8 labellings of 5 vertices.
    adjacency, ops = _all_cells(5, 2)
    hashes = hash_cells(adjacency, label_values(NAMES)[ops])
    forms = [_normal_form(a, o) for a, o in zip(adjacency, ops, strict=True)]
    classes = len(set(forms))
    assert classes > 300
    assert len(set(hashes)) == classes
    assert len(set(zip(hashes, forms, strict=True))) == classes


def test_cells_of_different_sizes_are_comparable():
    direct = np.zeros((1, 2, 2), dtype=bool)
    direct[0, 0, 1] = True
    padded = np.zeros((1, 6, 6), dtype=bool)
    padded[0, 0, 5] = padded[0, 1, 2] = padded[0, 0, 3] = True  # vertices 1 to 4 lead nowhere
    labels = label_values(NAMES)
    small = hash_cells(direct, labels[np.array([[0, 3]])])
    assert small == hash_cells(padded, labels[np.array([[0, 1, 2, 2, 1, 3]])])


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_hash_does_not_depend_on_the_numbering(seed, v):
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.random((v, v)) < 0.5, 1)
    ops = np.array([0, *rng.integers(1, 3, v - 2), 3])
    # Any order in which no arc goes backwards is a numbering of the same cell.
    order, left = [0], set(range(1, v - 1))
    while left:
        free = [u for u in sorted(left) if not any(adjacency[w, u] for w in left)]
        order.append(free[int(rng.integers(len(free)))])
        left.remove(order[-1])
    order = np.array([*order, v - 1])
    twin = adjacency[np.ix_(order, order)]
    assert not np.tril(twin).any()
    labels = label_values(NAMES)
    first, second = hash_cells(np.stack([adjacency, twin]), labels[np.stack([ops, ops[order]])])
    assert first == second


def test_hash_is_the_same_on_every_machine_and_in_every_batch():
    adjacency, ops = _all_cells(4, 2)
    labels = label_values(NAMES)[ops]
    whole = hash_cells(adjacency, labels)
    assert whole == [hash_cells(adjacency[i : i + 1], labels[i : i + 1])[0] for i in range(len(ops))]
    # Changing this value changes the identity of cells; it must not happen unnoticed.
    assert whole[-1] == "138e711e517fc262659cf4c3afa24ff2"
    assert hash_cells(adjacency[:0], labels[:0]) == []

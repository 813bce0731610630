from collections import Counter

import numpy as np
import pytest

from predictors.encodings.wl import operation_graphs, subtree_features
from tasks.errors import InputError
from tasks.spaces.dag import DagSpace
from tasks.spaces.graph_hash import hash_cells
from tasks.spaces.nasbench201 import CONV1, CONV3, NONE, OPERATIONS, POOL, SKIP, NasBench201

CELLS = NasBench201()
DAGS = DagSpace("dag", ("in", "a", "b", "out"), 6)
ROUNDS = 3


def in_common(space, left, right, rounds):
    """Number of equal features of two cells in rounds 0 to ``rounds``."""
    features = subtree_features(space, np.array([left, right], dtype=np.int16), rounds)
    one, two = (features.ids[cell][:, features.present[cell]].ravel() for cell in range(2))
    assert len(np.unique(one)) == len(one)
    return len(np.intersect1d(one, two))


def same(space, left, right):
    features = subtree_features(space, np.array([left, right], dtype=np.int16), ROUNDS)
    present = features.present
    return np.array_equal(*present) and np.array_equal(*features.ids[:, :, present[0]])


def graph_of_edges(arch):
    """Arcs and labels of a cell by the rules, one cell and one rule at a time."""
    nodes = {0: "input", 7: "output", **{i + 1: OPERATIONS[code] for i, code in enumerate(arch)}}
    ends = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    arcs = {(0, i + 1) for i, (a, _) in enumerate(ends) if a == 0}
    arcs |= {(i + 1, 7) for i, (_, b) in enumerate(ends) if b == 3}
    arcs |= {(i + 1, j + 1) for i, (_, b) in enumerate(ends) for j, (a, _) in enumerate(ends) if a == b}
    for node in [node for node, label in nodes.items() if label == "none"]:
        del nodes[node]
    arcs = {(a, b) for a, b in arcs if a in nodes and b in nodes}
    while skips := [node for node, label in nodes.items() if label == "skip_connect"]:
        node = skips[0]
        arcs |= {(a, b) for a, x in arcs for y, b in arcs if x == y == node}
        arcs = {arc for arc in arcs if node not in arc}
        del nodes[node]
    return nodes, arcs


def without_dead_ends(nodes, arcs, last):
    nodes, arcs = dict(nodes), set(arcs)
    while True:
        dead = {
            node
            for node in nodes
            if node not in (0, last)
            and (not any(b == node for _, b in arcs) or not any(a == node for a, _ in arcs))
        }
        if not dead:
            return nodes, arcs
        nodes = {node: label for node, label in nodes.items() if node not in dead}
        arcs = {(a, b) for a, b in arcs if a not in dead and b not in dead}


def histogram(nodes, arcs, rounds):
    """Labels as nested tuples, counted over all rounds."""
    labels, counts = dict(nodes), Counter()
    for done in range(rounds + 1):
        if done:
            labels = {
                node: (label, tuple(sorted((labels[a] for a, b in arcs if b == node), key=repr)))
                for node, label in labels.items()
            }
        counts.update((done, label) for label in labels.values())
    return counts


@pytest.mark.parametrize("rounds", range(ROUNDS + 1))
def test_features_in_common_are_the_smaller_counts_of_a_plain_program_on_edges(rounds):
    codes = CELLS.sample(np.random.default_rng(rounds), 24)
    counts = [histogram(*without_dead_ends(*graph_of_edges(arch), 7), rounds) for arch in codes.tolist()]
    for i in range(len(codes)):
        for j in range(i, len(codes)):
            assert in_common(CELLS, codes[i], codes[j], rounds) == (counts[i] & counts[j]).total()


@pytest.mark.parametrize("rounds", range(ROUNDS + 1))
def test_features_in_common_are_the_smaller_counts_of_a_plain_program_on_vertices(rounds):
    codes = DAGS.sample(np.random.default_rng(rounds), 20)
    adjacency, ops = DAGS.unpack(codes)
    counts = []
    for matrix, row in zip(adjacency, ops, strict=True):
        nodes = {vertex: DAGS.operations[code] for vertex, code in enumerate(row)}
        arcs = {(int(a), int(b)) for a, b in np.argwhere(matrix)}
        counts.append(histogram(*without_dead_ends(nodes, arcs, 5), rounds))
    for i in range(len(codes)):
        for j in range(i, len(codes)):
            assert in_common(DAGS, codes[i], codes[j], rounds) == (counts[i] & counts[j]).total()


def test_two_small_cells_by_hand():
    """In - a - out and in - b - out: input and output agree in round 0, the input in each further one."""
    chain = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
    left, right = (DAGS.pack(chain[None], np.array([[0, op, 3]]))[0] for op in (1, 2))
    assert [in_common(DAGS, left, right, rounds) for rounds in range(4)] == [2, 3, 4, 5]
    assert [in_common(DAGS, left, left, rounds) for rounds in range(4)] == [3, 6, 9, 12]


def test_arcs_have_a_direction():
    """A vertex knows what comes before it, not what comes after it."""
    chain = np.zeros((4, 4), dtype=bool)
    chain[[0, 1, 2], [1, 2, 3]] = True
    left, right = (DAGS.pack(chain[None], np.array([[0, *ops, 3]]))[0] for ops in ((1, 2), (2, 1)))
    # Round 0: all four. Round 1: the input; every other predecessor differs.
    assert [in_common(DAGS, left, right, rounds) for rounds in range(2)] == [4, 5]


def test_skip_connections_are_contracted_through_any_number_in_a_row():
    direct = (NONE, NONE, NONE, CONV3, NONE, NONE)
    assert same(CELLS, (SKIP, NONE, SKIP, NONE, NONE, CONV3), direct)
    assert same(CELLS, (CONV3, NONE, SKIP, NONE, NONE, SKIP), direct)
    assert same(CELLS, (SKIP, NONE, CONV3, NONE, NONE, SKIP), direct)
    assert same(CELLS, (SKIP, NONE, SKIP, NONE, NONE, SKIP), (NONE, NONE, NONE, SKIP, NONE, NONE))


def test_dead_vertices_are_removed_until_none_is_left():
    """Edge 0 -> 1 is dead only once 1 -> 2 is, as nothing leaves node 2."""
    assert same(CELLS, (CONV1, NONE, CONV3, POOL, NONE, NONE), (NONE, NONE, NONE, POOL, NONE, NONE))
    assert same(CELLS, (NONE, NONE, CONV3, POOL, NONE, CONV1), (NONE, NONE, NONE, POOL, NONE, NONE))


def test_cell_without_a_path_is_input_and_output_only():
    adjacency, _, present = operation_graphs(
        CELLS, np.array([(CONV3, NONE, CONV1, NONE, NONE, NONE), (NONE,) * 6, (SKIP,) * 6], dtype=np.int16)
    )
    assert present.sum(axis=1).tolist() == [2, 2, 2]
    assert adjacency.sum(axis=(1, 2)).tolist() == [0, 0, 1]
    assert same(CELLS, (CONV3, NONE, CONV1, NONE, NONE, NONE), (NONE,) * 6)
    assert [in_common(CELLS, (NONE,) * 6, (SKIP,) * 6, rounds) for rounds in range(2)] == [2, 3]


def test_every_cell_of_nasbench201_that_has_a_twin_shares_its_features():
    """Without the edge 1 -> 2, nodes 1 and 2 can change places."""
    codes = CELLS.all_codes()
    codes = codes[codes[:, 2] == NONE]
    twins = codes[:, [1, 0, 2, 3, 5, 4]]
    assert (codes != twins).any(axis=1).sum() == 3000
    left, right = (subtree_features(CELLS, half, ROUNDS) for half in (codes, twins))
    assert np.array_equal(left.present, right.present)
    assert np.array_equal(left.ids[:, 0][left.present], right.ids[:, 0][right.present])
    assert np.array_equal(left.ids[:, 3][left.present], right.ids[:, 3][right.present])


def test_isomorphic_graphs_of_all_cells_have_equal_features():
    codes = CELLS.all_codes()
    features = subtree_features(CELLS, codes, 4)
    ids = np.where(features.present[:, None, :], features.ids, 0).reshape(len(codes), -1)
    kinds = np.unique(ids, axis=0, return_inverse=True)[1].reshape(-1)
    adjacency, label, _ = operation_graphs(CELLS, codes)
    graphs = np.unique(hash_cells(adjacency, label), return_inverse=True)[1]
    pairs = np.unique(np.c_[graphs, kinds], axis=0)
    assert len(pairs) == len(np.unique(graphs)) > 5000
    # Subtrees do not tell all graphs apart, but nearly.
    assert len(np.unique(kinds)) > 0.95 * len(np.unique(graphs))


def test_renumbered_and_padded_dags_share_their_features():
    rng = np.random.default_rng(5)
    wide = DagSpace("wide", DAGS.operations, 9)
    codes = DAGS.sample(rng, 60)
    adjacency, ops = DAGS.unpack(codes)
    reordered = np.empty_like(codes)
    for row, (matrix, labels) in enumerate(zip(adjacency, ops, strict=True)):
        order = topological_order(matrix, rng)
        reordered[row] = DAGS.pack(matrix[np.ix_(order, order)][None], labels[order][None])[0]
    assert (reordered != codes).any(axis=1).sum() > 20
    # Inner vertices of the small space are those of the large one.
    padded = wide.pack(adjacency, ops)
    one, two, three = (
        subtree_features(space, cells, ROUNDS)
        for space, cells in ((DAGS, codes), (DAGS, reordered), (wide, padded))
    )
    for cell in range(len(codes)):
        expected = one.ids[cell][:, one.present[cell]]
        assert np.array_equal(two.ids[cell][:, two.present[cell]], expected)
        assert np.array_equal(three.ids[cell][:, three.present[cell]], expected)


def topological_order(matrix, rng):
    """A random order of the vertices in which arcs go forward; input first, output last."""
    waiting, order = list(range(1, len(matrix) - 1)), [0]
    while waiting:
        ready = [node for node in waiting if not matrix[waiting, node].any()]
        order.append(int(rng.choice(ready)))
        waiting.remove(order[-1])
    return [*order, len(matrix) - 1]


def test_features_of_a_cell_depend_on_it_alone():
    codes = CELLS.sample(np.random.default_rng(0), 30)
    whole = subtree_features(CELLS, codes, 2)
    part = subtree_features(CELLS, codes[7:9], 2)
    assert np.array_equal(part.ids, whole.ids[7:9])
    assert subtree_features(CELLS, codes[:0], 2).ids.shape == (0, 3, 8)


def test_codes_of_another_layout_are_refused():
    with pytest.raises(InputError, match=r"nasbench201: codes have shape \(2, 5\)"):
        subtree_features(CELLS, np.zeros((2, 5), dtype=np.int16), 1)

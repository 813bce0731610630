import itertools

import numpy as np
import pytest

from predictors.encodings import encode, encoding_dim, path
from tasks.spaces.base import VertexLayout
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201

NB201 = NasBench201()
EXAMPLE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
LIKE_NB101 = DagSpace("like101", ("in", "conv3x3", "conv1x1", "maxpool", "out"), 7)


def _slow_edge_bits(codes):
    """The four paths of a cell, by name of their edges, in the official order of operations."""
    edge = dict(zip(NB201.layout.edges, codes, strict=True))
    bits = {int(edge[0, 3])}
    bits.add(5 + int(edge[0, 1] + 5 * edge[1, 3]))
    bits.add(5 + int(edge[0, 2] + 5 * edge[2, 3]))
    bits.add(30 + int(edge[0, 1] + 5 * edge[1, 2] + 25 * edge[2, 3]))
    return sorted(bits)


def test_nasbench201_test_vector():
    features = encode("path", NB201, NB201.parse_many([EXAMPLE]))
    assert features.shape == (1, 155) == (1, encoding_dim("path", NB201))
    # 0->3 skip (1); 0->1->3 3x3, 1x1 (3 + 2*5); 0->2->3 1x1, 3x3 (2 + 3*5); 0->1->2->3 3x3 thrice.
    assert np.flatnonzero(features[0]).tolist() == [1, 5 + 13, 5 + 17, 30 + 3 + 3 * 5 + 3 * 25]


def test_nasbench201_every_cell_has_exactly_its_paths():
    codes = NB201.all_codes()
    features = encode("path", NB201, codes)
    for row in range(0, len(codes), 13):
        assert np.flatnonzero(features[row]).tolist() == _slow_edge_bits(codes[row])
    assert set(features.sum(axis=1)) == {3.0, 4.0}


def test_nasbench201_renaming_operations_permutes_features():
    """The code of an operation is a name: another numbering must give the same features, reordered."""
    # Numbering of the original study's code: skip, none, 3x3, 1x1, pool.
    renamed = np.array([1, 0, 3, 2, 4])
    bits = {0, 18, 22, 92}
    example = renamed[NB201.parse_many([EXAMPLE])].astype(np.int16)
    assert set(np.flatnonzero(encode("path", NB201, example)[0])) == bits

    codes = NB201.sample(np.random.default_rng(0), 500)
    here = encode("path", NB201, codes)
    there = encode("path", NB201, renamed[codes].astype(np.int16))
    move = np.empty(155, dtype=int)
    for offset, length in ((0, 1), (5, 2), (30, 3)):
        for sequence in itertools.product(range(5), repeat=length):
            weights = 5 ** np.arange(length)
            move[offset + weights @ sequence] = offset + weights @ renamed[list(sequence)]
    assert np.array_equal(there[:, move], here)


def _slow_vertex_bits(space, codes):
    """Walk every path of one cell by recursion."""
    adjacency, ops = space.unpack(codes[None])
    adjacency, ops, last = adjacency[0], ops[0], space.vertices - 1
    kinds = len(space.operations) - 2
    found = set()

    def walk(vertex, sequence):
        for target in np.flatnonzero(adjacency[vertex]):
            if target == last:
                offset = sum(kinds**length for length in range(len(sequence)))
                found.add(offset + sum(op * kinds**place for place, op in enumerate(sequence)))
            else:
                walk(target, [*sequence, ops[target] - 1])

    walk(0, [])
    return sorted(int(bit) for bit in found)


def test_vertex_layout_like_nasbench101_has_364_features_and_exact_paths():
    assert encoding_dim("path", LIKE_NB101) == 364
    codes = LIKE_NB101.sample(np.random.default_rng(1), 200)
    features = encode("path", LIKE_NB101, codes)
    assert features.shape == (200, 364)
    for row in range(200):
        assert np.flatnonzero(features[row]).tolist() == _slow_vertex_bits(LIKE_NB101, codes[row])


@pytest.mark.parametrize("space", [LIKE_NB101, NasBench101()], ids=["dag", "nasbench101"])
def test_isomorphic_cells_have_the_same_paths(space):
    """Inner vertices in every other order that keeps arcs pointing forward."""
    vertices, twins, origin = LIKE_NB101.vertices, [], []
    codes = space.sample(np.random.default_rng(3), 12)
    adjacency, ops = LIKE_NB101.unpack(codes)
    orders = np.array([[0, *p, vertices - 1] for p in itertools.permutations(range(1, vertices - 1))])
    for row in range(len(codes)):
        moved = adjacency[row][orders[:, :, None], orders[:, None, :]]
        names = ops[row][orders]
        forward = ~np.tril(moved).any(axis=(1, 2)) & ((names < 0) == (ops[row] < 0)).all(axis=1)
        twins.append(LIKE_NB101.pack(moved[forward], names[forward]))
        origin += [row] * int(forward.sum())
    twins = np.concatenate(twins)
    assert len(np.unique(twins, axis=0)) > 2 * len(codes)
    assert space.canonical_many(twins) == [space.canonical_many(codes)[row] for row in origin]
    np.testing.assert_array_equal(encode("path", space, twins), encode("path", space, codes)[origin])


def test_longest_path_and_smaller_cells():
    chain = np.zeros((1, 7, 7), dtype=bool)
    chain[0, np.arange(6), np.arange(1, 7)] = True
    codes = LIKE_NB101.pack(chain, np.array([[0, 3, 3, 3, 3, 3, 4]]))
    assert np.flatnonzero(encode("path", LIKE_NB101, codes)[0]).tolist() == [363]
    short = np.zeros((1, 3, 3), dtype=bool)
    short[0, [0, 1, 0], [1, 2, 2]] = True
    codes = LIKE_NB101.pack(short, np.array([[0, 2, 4]]))
    assert np.flatnonzero(encode("path", LIKE_NB101, codes)[0]).tolist() == [0, 1 + 1]


@pytest.mark.parametrize(
    ("operations", "vertices", "length"),
    [(3, 7, 5), (3, 12, 7), (7, 6, 4), (7, 12, 4), (1, 30, 28), (100, 8, 1), (5000, 5, 0), (0, 2, 0)],
)
def test_vertex_paths_are_cut_below_the_limit(operations, vertices, length):
    layout = VertexLayout(tuple(f"op{index}" for index in range(operations + 2)), vertices)
    assert path.vertex_path_length(layout) == length
    assert path.vertex_features(layout) == sum(operations**k for k in range(length + 1)) <= path.MAX_FEATURES


def test_truncated_paths_are_the_short_ones_of_the_full_encoding(monkeypatch):
    codes = LIKE_NB101.sample(np.random.default_rng(2), 50)
    full = encode("path", LIKE_NB101, codes)
    monkeypatch.setattr(path, "MAX_FEATURES", 50)
    assert np.array_equal(encode("path", LIKE_NB101, codes), full[:, : 1 + 3 + 9 + 27])


def test_chunks_make_no_difference(monkeypatch):
    codes = LIKE_NB101.sample(np.random.default_rng(3), 40)
    whole = encode("path", LIKE_NB101, codes)
    monkeypatch.setattr(path, "_CHUNK_ELEMENTS", 7 * 243 * 7)
    assert np.array_equal(encode("path", LIKE_NB101, codes), whole)

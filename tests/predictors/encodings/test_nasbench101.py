"""Encodings of real NAS-Bench-101 cells."""

import numpy as np

from predictors.encodings import encode, encoding_dim
from tasks.spaces.base import as_arch
from tasks.spaces.nasbench101 import NasBench101

SPACE = NasBench101()


def test_dimensions():
    assert encoding_dim("adjacency", SPACE) == 36
    assert encoding_dim("path", SPACE) == 364


def test_adjacency_is_bits_and_one_hot_operations():
    codes = SPACE.sample(np.random.default_rng(0), 50)
    features = encode("adjacency", SPACE, codes)
    np.testing.assert_array_equal(features[:, :21], codes[:, :21])
    operations = features[:, 21:].reshape(50, 5, 3)
    np.testing.assert_array_equal(operations.argmax(axis=2) + 1, codes[:, 22:27])
    np.testing.assert_array_equal(operations.sum(axis=2), 1)
    # Vertices that pruning removes have no operation.
    pruned = SPACE.prune(codes)
    present = encode("adjacency", SPACE, pruned)[:, 21:].reshape(50, 5, 3).sum(axis=2)
    np.testing.assert_array_equal(present, pruned[:, 22:27] != -1)


def test_paths_are_those_of_the_graph():
    codes = SPACE.sample(np.random.default_rng(1), 50)
    features = encode("path", SPACE, codes)
    for row, code in zip(features, codes, strict=True):
        cell = SPACE.graph(as_arch(code))
        open_paths, found = [(0, ())], set()
        while open_paths:
            vertex, labels = open_paths.pop()
            for target in np.flatnonzero(cell.adjacency[vertex]).tolist():
                if target == 6:
                    found.add(labels)
                else:
                    operation = SPACE.layout.operations.index(cell.operations[target]) - 1
                    open_paths.append((target, (*labels, operation)))
        expected = np.zeros(364)
        for labels in found:
            offset = sum(3**length for length in range(len(labels)))
            expected[offset + sum(label * 3**place for place, label in enumerate(labels))] = 1
        np.testing.assert_array_equal(row, expected)
    # What is on no path has no effect.
    np.testing.assert_array_equal(encode("path", SPACE, SPACE.prune(codes)), features)

"""Every encoding of pairs of DARTS cells, against plain programs and by hand."""

import itertools
from collections import Counter

import numpy as np
import pytest

from predictors.encodings import encode, encoding_dim, encoding_names
from predictors.encodings.graph import cell_graphs, global_node_graphs
from predictors.encodings.sequence import cell_sequences, decode_sequences, sequence_graphs
from predictors.encodings.wl import operation_graphs, subtree_features
from predictors.model_based.wl_kernel import Vocabulary
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.darts import Darts
from tasks.spaces.darts_parts import OPERATIONS

SPACE = Darts()
# Normal cell: a chain through all nodes beside; reduction cell: only inputs. Pairs (predecessor, code).
CHAIN = SPACE.parse(
    "(((0, 0), (1, 1), (0, 3), (2, 4), (1, 5), (3, 6), (0, 2), (4, 0)), "
    "((0, 6), (1, 5), (0, 4), (1, 3), (0, 2), (1, 1), (0, 0), (1, 6)))"
)
CODES = np.concatenate([[CHAIN], SPACE.sample(np.random.default_rng(0), 30)]).astype(np.int16)


def cells(arch):
    """Per cell and node, its pairs (predecessor, operation)."""
    pairs = list(zip(arch[::2], arch[1::2], strict=True))
    return [[pairs[8 * cell + 2 * node :][:2] for node in range(4)] for cell in range(2)]


def ones(features):
    return set(np.flatnonzero(features).tolist())


def test_dimensions():
    assert encoding_names(SPACE) == ("adjacency", "path")
    for name, width in (("adjacency", 196), ("path", 11_204)):
        features = encode(name, SPACE, CODES)
        assert features.shape == (31, width)
        assert encoding_dim(name, SPACE) == width
        assert features.dtype == np.float64
        assert features.flags.c_contiguous
        assert np.array_equal(encode(name, SPACE, CODES[3:5]), features[3:5])
        assert encode(name, SPACE, CODES[:0]).shape == (0, width)
    for graphs, v, classes in ((cell_graphs, 22, 9), (global_node_graphs, 25, 11)):
        assert graphs(SPACE, CODES).features.shape == (31, v, classes)
        assert graphs(SPACE, CODES[:0]).features.shape == (0, v, classes)
    sequences = cell_sequences(SPACE, CODES)
    assert sequences.tokens.shape == (31, 629)
    assert sequences.vocabulary == 13
    assert operation_graphs(SPACE, CODES)[0].shape == (62, 15, 15)


def test_adjacency_is_one_hot_per_arc():
    possible = [(cell, node, source) for cell in range(2) for node in range(4) for source in range(node + 2)]
    assert len(possible) == 28
    for arch, features in zip(CODES, encode("adjacency", SPACE, CODES), strict=True):
        expected = {
            possible.index((cell, node, source)) * 7 + code
            for cell, nodes in enumerate(cells(as_arch(arch)))
            for node, pairs in enumerate(nodes)
            for source, code in pairs
        }
        assert len(expected) == 16
        assert ones(features) == expected
    first_node = encode("adjacency", SPACE, CODES[:1])[0, :14].reshape(2, 7)
    assert first_node.tolist() == [[1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]]


def walks(nodes, target):
    """Input and operation sequence of every path from an input to a node, one pair at a time."""
    if target < 2:
        return [(target, ())]
    return [
        (start, (*sequence, code))
        for source, code in nodes[target - 2]
        for start, sequence in walks(nodes, source)
    ]


def test_path_walks_all_eight_pairs_of_both_cells():
    for arch, features in zip(CODES, encode("path", SPACE, CODES), strict=True):
        expected = {
            2801 * (2 * cell + start) + sum((code + 1) * 7**j for j, code in enumerate(sequence))
            for cell, nodes in enumerate(cells(as_arch(arch)))
            for target in range(2, 6)
            for start, sequence in walks(nodes, target)
        }
        assert ones(features) == expected


def test_paths_of_one_pair_of_cells_by_hand():
    # Of 18 paths of the chain, the one through all nodes: max pool, 5x5, dilated 5x5, max pool.
    found = ones(encode("path", SPACE, CODES[:1])[0])
    assert 1 + 7 * 5 + 49 * 7 + 343 * 1 in found
    assert 2801 + 2 + 7 * 5 + 49 * 7 + 343 * 1 in found
    # The reduction cell has the eight paths of one operation.
    starts = 2 * 2801
    assert {place - starts for place in found if place >= starts} == {
        *(7, 5, 3, 1),
        *(2801 + code for code in (6, 4, 2, 7)),
    }


def test_every_pair_has_an_effect():
    """The last pair of each cell, too."""
    near = np.array([CHAIN, *SPACE.neighbors(CHAIN)])
    assert len(np.unique(encode("adjacency", SPACE, near), axis=0)) == 121
    features = encode("path", SPACE, near)
    # By operation: six neighbors for each of 16 pairs.
    other = [
        row for row, code in enumerate(near) if (code != CHAIN).sum() == 1 and (code != CHAIN)[1::2].any()
    ]
    assert len(other) == 96
    changed = {
        int(np.flatnonzero(near[row] != CHAIN)[0]) for row in other if (features[row] != features[0]).any()
    }
    assert changed == set(range(1, 32, 2))


def test_graphs_are_those_of_the_space():
    graphs = cell_graphs(SPACE, CODES)
    names = ("input", *OPERATIONS, "output")
    for row, code in enumerate(CODES[:10]):
        cell = SPACE.graph(as_arch(code))
        assert np.array_equal(graphs.adjacency[row], cell.adjacency)
        assert tuple(names[label] for label in graphs.labels[row]) == cell.operations
    # Inputs have a class of their own, apart from max pooling, the first operation.
    assert graphs.labels[0, :3].tolist() == [0, 0, 1]


def test_global_nodes_of_each_cell_and_of_both():
    plain, graphs = cell_graphs(SPACE, CODES), global_node_graphs(SPACE, CODES)
    cell = [np.arange(11), np.arange(12, 23)]
    assert np.all(graphs.labels[:, [11, 23, 24]] == [9, 9, 10])
    for place, vertices in enumerate(cell):
        old = np.arange(11) + 11 * place
        assert np.array_equal(graphs.labels[:, vertices], plain.labels[:, old])
        inner = graphs.adjacency[:, vertices[:, None], vertices]
        assert np.array_equal(inner, plain.adjacency[:, old[:, None], old] | np.eye(11, dtype=bool))
    hears = np.zeros((25, 25), dtype=bool)
    hears[cell[0], 11] = hears[cell[1], 23] = hears[:, 24] = True
    hears[[11, 23], [11, 23]] = True
    others = np.concatenate(cell)
    rest = graphs.adjacency.copy()
    rest[:, others[:, None], others] = False
    assert np.array_equal(rest, np.broadcast_to(hears, rest.shape))
    assert not graphs.adjacency[:, :12, 12:24].any()
    for row in range(3):
        assert np.array_equal(graphs.take(np.array([row])).adjacency[0], graphs.adjacency[row])
    again = plain.take(np.arange(4)).with_global_node()
    assert np.array_equal(again.adjacency, graphs.adjacency[:4])


def test_sequences_spell_the_graph_from_source_to_target():
    graphs, sequences = global_node_graphs(SPACE, CODES), cell_sequences(SPACE, CODES)
    for row in range(5):
        expected = [
            token
            for j in range(1, 25)
            for token in (*(graphs.adjacency[row, :j, j] + 1), graphs.labels[row, j] + 2)
        ]
        assert sequences.tokens[row].tolist() == expected + [0] * (629 - len(expected))
    # Vertices 1 to 4 of the chain: the second input, both pairs of node 2, the first pair of node 3.
    first = [1, 2, *(2, 1, 3), *(1, 2, 1, 4), *(2, 1, 1, 1, 6)]
    assert sequences.tokens[0, : len(first)].tolist() == first
    assert np.array_equal(sequence_graphs(SPACE, CODES).mask.sum(axis=1), np.full(31, 25))


def test_sequences_change_with_wiring_and_with_operations():
    tokens = cell_sequences(SPACE, np.array([CHAIN, *SPACE.neighbors(CHAIN)])).tokens
    assert len(np.unique(tokens, axis=0)) == 121


def test_sequences_decode_to_the_same_cells():
    codes = SPACE.sample(np.random.default_rng(3), 300)
    sequences = cell_sequences(SPACE, codes)
    assert np.array_equal(decode_sequences(SPACE, sequences.tokens), codes)
    assert decode_sequences(SPACE, sequences.tokens[:0]).shape == (0, 32)
    occurs = np.zeros_like(sequences.possible)
    occurs[np.arange(629), sequences.tokens] = True
    assert np.array_equal(occurs, sequences.possible)
    for place, token in ((0, 2), (3, 5), (628, 1)):
        wrong = sequences.tokens.copy()
        wrong[7, place] = token
        with pytest.raises(InputError, match="token sequence 7 stands for no cell"):
            decode_sequences(SPACE, wrong)


def contracted(nodes):
    """Labels and arcs of a cell by the rules, skip connections replaced one at a time."""
    labels = {0: "first", 1: "second", 14: "output"}
    arcs = set()
    for node, pairs in enumerate(nodes):
        total = 4 + 3 * node
        labels[total] = "add"
        arcs.add((total, 14))
        for pair, (source, code) in enumerate(pairs):
            vertex = total - 2 + pair
            labels[vertex] = OPERATIONS[code]
            arcs |= {(source if source < 2 else 4 + 3 * (source - 2), vertex), (vertex, total)}
    for vertex in [vertex for vertex, label in labels.items() if label == "skip_connect"]:
        arcs |= {(a, b) for a, x in arcs for y, b in arcs if x == y == vertex}
        arcs = {arc for arc in arcs if vertex not in arc}
        del labels[vertex]
    return labels, arcs


def test_operation_graphs_are_the_contracted_cells():
    adjacency, label, present = operation_graphs(SPACE, CODES)
    names = {}
    for place, nodes in enumerate(itertools.chain.from_iterable(cells(as_arch(row)) for row in CODES)):
        labels, arcs = contracted(nodes)
        assert {(int(i), int(j)) for i, j in np.argwhere(adjacency[place])} == arcs
        assert set(np.flatnonzero(present[place]).tolist()) == set(labels)
        for vertex, name in labels.items():
            assert names.setdefault(name, label[place, vertex]) == label[place, vertex]
    assert len(set(names.values())) == len(names) == 6 + 4


def subtrees(nodes, rounds):
    """Counts of rooted subtrees after each round."""
    labels, arcs = contracted(nodes)
    counts = []
    for _ in range(rounds + 1):
        counts.append(Counter(labels.values()))
        labels = {
            v: (labels[v], tuple(sorted((labels[a] for a, b in arcs if b == v), key=repr))) for v in labels
        }
    return counts


def test_kernel_is_the_mean_of_the_kernels_of_both_cells():
    rounds = 2
    features = subtree_features(SPACE, CODES, rounds)
    assert features.ids.shape == (31, 3, 30)
    assert features.cells == 2
    incidence = Vocabulary.of(features, rounds).incidence(features)
    kernel = (incidence @ incidence.T).toarray()
    np.testing.assert_allclose(np.diag(kernel), 1.0, rtol=1e-12)
    of_cells = [[subtrees(nodes, rounds) for nodes in cells(as_arch(row))] for row in CODES[:8]]
    for i, j in itertools.combinations(range(8), 2):
        both = []
        for left, right in zip(of_cells[i], of_cells[j], strict=True):
            shared = sum((a & b).total() for a, b in zip(left, right, strict=True))
            sizes = [sum(count.total() for count in side) for side in (left, right)]
            both.append(shared / np.sqrt(np.prod(sizes)))
        np.testing.assert_allclose(kernel[i, j], np.mean(both), rtol=1e-12)


def test_features_of_isomorphic_cells_are_equal_and_of_exchanged_cells_are_not():
    # Nodes 2 and 3 change places.
    one = (0, 3, 1, 4, 0, 5, 1, 6, 0, 0, 2, 1, 1, 5, 3, 3, *CHAIN[16:])
    two = (0, 5, 1, 6, 0, 3, 1, 4, 0, 0, 3, 1, 1, 5, 2, 3, *CHAIN[16:])
    twin = np.array([one, two], dtype=np.int16)
    assert len(set(SPACE.canonical_many(twin))) == 1
    features = subtree_features(SPACE, twin, 3)
    assert np.array_equal(features.present[0], features.present[1])
    assert np.array_equal(*features.ids[:, :, features.present[0]])
    exchanged = np.array([[*CHAIN], [*CHAIN[16:], *CHAIN[:16]]], dtype=np.int16)
    both = subtree_features(SPACE, exchanged, 0)
    normal, reduction = both.ids[0, 0, :15][both.present[0, :15]], both.ids[1, 0, 15:][both.present[1, 15:]]
    assert len(normal) == len(reduction)
    assert not np.intersect1d(normal, reduction).size
    part = features.take(np.array([1]))
    assert part.cells == 2
    assert np.array_equal(part.ids[0], features.ids[1])


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        (1, 7, r"code 7 in row 2, column 1 is not in \[0, 6\]"),
        (0, 1, r"code 1 in row 2, column 0 is not in \[0, 0\]"),
        (14, 5, r"code 5 in row 2, column 14 is not in \[1, 4\]"),
        (24, 4, "code 4 in row 2, column 24"),
    ],
)
def test_wrong_codes_are_refused(column, value, complaint):
    codes = CODES.copy()
    codes[2, column] = value
    for call in (
        lambda: encode("path", SPACE, codes),
        lambda: cell_graphs(SPACE, codes),
        lambda: cell_sequences(SPACE, codes),
        lambda: subtree_features(SPACE, codes, 1),
    ):
        with pytest.raises(InputError, match=complaint):
            call()


def test_equal_and_unsorted_predecessors_are_refused():
    for pair in ((2, 2), (2, 1)):
        codes = CODES.copy()
        codes[3, 12], codes[3, 14] = pair
        with pytest.raises(InputError, match=f"row 3, columns 12 and 14 are {pair[0]} and {pair[1]}"):
            encode("adjacency", SPACE, codes)

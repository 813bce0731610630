"""Encodings of recurrent cells."""

import json

import numpy as np
import pytest

from predictors.encodings import encode, encoding_dim, encoding_names
from predictors.encodings.graph import ABSENT, cell_graphs, global_node_graphs
from predictors.encodings.recurrent import recurrent_graphs
from predictors.encodings.sequence import cell_sequences, decode_sequences
from predictors.encodings.shared import GLOBAL_NODE, has_encoding
from predictors.encodings.wl import operation_graphs, subtree_features
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.nasbench_nlp import NasBenchNlp
from tasks.spaces.nasbench_nlp_form import OPERATIONS

SPACE = NasBenchNlp()
CODES = SPACE.sample(np.random.default_rng(0), 200)


def codes_of(**nodes):
    """Codes of a cell; each node is given as (operation, inputs...)."""
    recipe = {name: {"op": node[0], "input": list(node[1:])} for name, node in nodes.items()}
    return SPACE.parse_many([json.dumps(recipe)])


RNN = codes_of(f=("linear", "x", "h_prev_0"), h_new_0=("activation_tanh", "f"))
TWO = {
    "a": ("linear", "x", "h_prev_0", "h_prev_1"),
    "h_new_0": ("activation_tanh", "a"),
    "h_new_1": ("activation_sigm", "h_new_0"),
}


def test_dimensions():
    assert encoding_names(SPACE) == ("adjacency",)
    assert encoding_dim("adjacency", SPACE) == 910 == encode("adjacency", SPACE, CODES).shape[1]
    graphs = cell_graphs(SPACE, CODES)
    assert graphs.features.shape == (200, 26, 8)
    sequences = cell_sequences(SPACE, CODES)
    assert sequences.tokens.shape == (200, 350)
    assert sequences.vocabulary == 12


def test_adjacency_of_the_simplest_cell():
    features = encode("adjacency", SPACE, RNN)[0]
    arcs = np.argwhere(features[:676].reshape(26, 26)).tolist()
    assert arcs == [[0, 4], [1, 4], [4, 5], [5, 25]]
    blocks = features[676:].reshape(26, 9)
    # x and the old state, linear, tanh with the mark of the state that leaves the cell.
    assert np.argwhere(blocks).tolist() == [[0, 0], [1, 0], [4, 1], [5, 5], [5, 8]]


def test_padding_is_unlike_every_operation():
    graphs = cell_graphs(SPACE, RNN)
    assert np.flatnonzero(graphs.mask[0]).tolist() == [0, 1, 4, 5, 25]
    assert not graphs.features[~graphs.mask].any()
    assert not graphs.adjacency[~graphs.mask].any()
    assert (cell_sequences(SPACE, RNN).tokens[0][-26:-1] == 0).sum() == 21
    nodes = graphs.labels[0][[4, 5]]
    assert nodes.tolist() == [1 + OPERATIONS.index("linear"), 1 + OPERATIONS.index("activation_tanh")]


def test_graphs_agree_with_the_space():
    adjacency, labels = recurrent_graphs(SPACE.layout, CODES)
    for row, arcs, kind in zip(CODES[:50], adjacency, labels, strict=False):
        cell = SPACE.graph(as_arch(row))
        there = np.flatnonzero(kind != ABSENT)
        assert len(cell.operations) == len(there)
        assert cell.adjacency.sum() == arcs.sum()
        names = ("x", *OPERATIONS, "h_prev", "output")
        assert [names[label] for label in kind[there]] == [op.partition("_prev_")[0] + "_prev"
            if op.startswith("h_prev") else op for op in cell.operations]  # fmt: skip
        assert not np.tril(arcs).any()


def test_sequences_keep_the_output_column_and_legal_tokens():
    sequences = cell_sequences(SPACE, CODES)
    assert sequences.possible[np.arange(350), sequences.tokens].all()
    # Every token that is said to be possible at a position of few ones occurs.
    seen = np.zeros_like(sequences.possible)
    seen[np.arange(350), sequences.tokens] = True
    fixed = sequences.possible.sum(axis=1) == 1
    assert (seen[fixed] == sequences.possible[fixed]).all()
    output = sequences.tokens[:, -26:]
    assert (output[:, -1] == 11).all()
    assert ((output[:, 4:-1] == 2).sum(axis=1) == (CODES[:, 84:] >= 0).sum(axis=1)).all()
    with pytest.raises(InputError, match="does not determine the cell"):
        decode_sequences(SPACE, sequences.tokens)


@pytest.mark.parametrize("changed", ["wiring", "state"])
def test_encodings_tell_cells_apart(changed):
    other = dict(TWO)
    if changed == "wiring":
        other["h_new_1"] = ("activation_sigm", "a")
    else:
        other["h_new_0"], other["h_new_1"] = ("activation_tanh", "h_new_1"), ("activation_sigm", "a")
    one, two = codes_of(**TWO), codes_of(**other)
    assert (encode("adjacency", SPACE, one) != encode("adjacency", SPACE, two)).any()
    assert (cell_sequences(SPACE, one).tokens != cell_sequences(SPACE, two).tokens).any()


def test_the_state_that_leaves_the_cell_is_marked():
    other = {
        "a": TWO["a"],
        "h_new_1": ("activation_tanh", "a"),
        "h_new_0": ("activation_sigm", "h_new_1"),
    }
    one, two = (encode("adjacency", SPACE, codes_of(**nodes)) for nodes in (TWO, other))
    assert np.flatnonzero((one != two)[0]).tolist() == [676 + 5 * 9 + 8, 676 + 6 * 9 + 8]


def test_exchanged_hidden_states_have_one_encoding():
    three = {
        "a": ("linear", "x", "h_prev_0", "h_prev_2"),
        "h_new_0": ("activation_tanh", "a"),
        "h_new_1": ("activation_sigm", "a"),
        "h_new_2": ("elementwise_prod", "h_prev_1", "a"),
    }
    swap = {"h_prev_1": "h_prev_2", "h_prev_2": "h_prev_1", "h_new_1": "h_new_2", "h_new_2": "h_new_1"}
    other = {
        swap.get(name, name): tuple(swap.get(part, part) for part in node) for name, node in three.items()
    }
    one, two = codes_of(**three), codes_of(**other)
    assert (one != two).any()
    assert SPACE.canonical_many(one) == SPACE.canonical_many(two)
    np.testing.assert_array_equal(encode("adjacency", SPACE, one), encode("adjacency", SPACE, two))


def test_different_cells_have_different_encodings():
    _, first = np.unique(SPACE.canonical_many(CODES), return_index=True)
    codes = CODES[first]
    assert len(np.unique(encode("adjacency", SPACE, codes), axis=0)) > 0.98 * len(codes)


def test_subtrees_keep_everything():
    adjacency, _, present = operation_graphs(SPACE, CODES)
    np.testing.assert_array_equal(present.sum(axis=1), cell_graphs(SPACE, CODES).mask.sum(axis=1))
    assert (adjacency.any(axis=2) | ~present)[:, :-1].all()
    features = subtree_features(SPACE, CODES, 3)
    forms = {}
    for form, ids in zip(SPACE.canonical_many(CODES), features.ids, strict=True):
        forms.setdefault(form, set()).add(ids.tobytes())
    assert len(forms) > 100
    assert len({ids for group in forms.values() for ids in group}) > 0.9 * len(forms)


def test_isomorphic_cells_have_equal_subtrees():
    one = codes_of(
        a=("linear", "x", "h_prev_0"), b=("activation_tanh", "a"), c=("linear", "b", "x"),
        d=("activation_sigm", "c"), h_new_0=("elementwise_prod", "b", "d"),
    )  # fmt: skip
    two = codes_of(
        h_new_0=("elementwise_prod", "d", "b"), d=("activation_sigm", "c"), c=("linear", "x", "b"),
        b=("activation_tanh", "a"), a=("linear", "h_prev_0", "x"),
    )  # fmt: skip
    np.testing.assert_array_equal(*(subtree_features(SPACE, codes, 3).ids for codes in (one, two)))


def test_what_recurrent_cells_do_not_have():
    with pytest.raises(InputError, match="unknown encoding 'path' for space nasbench_nlp"):
        encode("path", SPACE, CODES)
    with pytest.raises(InputError, match="no form with a global node"):
        global_node_graphs(SPACE, CODES)
    assert not has_encoding(SPACE, "path")
    assert not has_encoding(SPACE, GLOBAL_NODE)
    assert has_encoding(SPACE, "adjacency")
    assert has_encoding(SPACE, "of a plug-in")


def test_codes_out_of_range_are_refused():
    codes = CODES[:2].copy()
    codes[1, 30] = 25
    with pytest.raises(InputError, match="code 25 in row 1, column 30"):
        encode("adjacency", SPACE, codes)

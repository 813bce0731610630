"""Encodings made for a whole table are those that are made for each fit."""

from dataclasses import replace

import numpy as np
import pytest

from predictors import registry
from predictors.encoded_table import EncodedTable
from predictors.encodings import shared
from predictors.encodings.sequence import cell_sequences
from predictors.encodings.shared import GLOBAL_NODE, GRAPHS, SEQUENCES, EncodedRows, subtrees
from predictors.observations import Observations
from tasks.spaces.nasbench101 import NasBench101

NAMES = {"adjacency", "path", GRAPHS, SEQUENCES, subtrees(3)}
ROWS = np.array([5, 17, 3, 3, 599, 0])


def observe(table, rows, *, labelled=False):
    encoded = table.encoded(rows) if isinstance(table, EncodedTable) else None
    targets = table.val_acc[rows] if labelled else None
    return Observations(table.space, table.dataset, table.codes[rows], targets, encoded=encoded)


@pytest.fixture(scope="module", params=["nasbench201", "nasbench101"])
def table(request, small_table):
    if request.param == "nasbench201":
        return small_table
    space = NasBench101()
    codes = space.prune(space.sample(np.random.default_rng(0), 600))
    return replace(small_table, space=space, codes=codes)


def test_shared_encodings_are_those_of_the_rows_to_the_last_bit(table):
    direct, read = observe(table, ROWS), observe(EncodedTable.of(table, NAMES), ROWS)
    assert set(read.encoded.encodings) == NAMES
    for part in (slice(None), slice(1, 4), np.array([4, 0])):
        a, b = direct.take(part), read.take(part)
        for name in ("adjacency", "path"):
            np.testing.assert_array_equal(b.encode(name), a.encode(name))
            assert b.encode(name).dtype == np.float64
            assert b.encode(name).flags.c_contiguous
        for ours, own in ((b.cell_graphs(), a.cell_graphs()),):
            np.testing.assert_array_equal(ours.adjacency, own.adjacency)
            np.testing.assert_array_equal(ours.labels, own.labels)
            assert ours.labels.dtype == own.labels.dtype
            assert ours.classes == own.classes
        np.testing.assert_array_equal(b.subtree_features(3).present, a.subtree_features(3).present)
        np.testing.assert_array_equal(b.subtree_features(3).ids, a.subtree_features(3).ids)
        sequences, own = b.encoded.get(SEQUENCES), cell_sequences(a.space, a.codes)
        np.testing.assert_array_equal(sequences.tokens, own.tokens)
        np.testing.assert_array_equal(sequences.possible, own.possible)
        assert sequences.tokens.dtype == own.tokens.dtype


def test_tokens_are_kept_in_one_byte_and_made_in_parts(table, monkeypatch):
    monkeypatch.setattr(shared, "_CHUNK_ENTRIES", 5000)
    sequences = EncodedTable.of(table, {SEQUENCES}).encodings[SEQUENCES]
    assert sequences.tokens.dtype == np.uint8
    np.testing.assert_array_equal(sequences.tokens, cell_sequences(table.space, table.codes).tokens)


def test_shared_encodings_are_read_and_not_made_again(small_table, monkeypatch):
    table = EncodedTable.of(small_table, NAMES)

    def refuse(*arguments):
        raise AssertionError(arguments)

    for name in ("encode", "cell_graphs", "subtree_features"):
        monkeypatch.setattr(f"predictors.observations.{name}", refuse)
    read = observe(table, ROWS)
    read.encode("path")
    read.cell_graphs()
    read.subtree_features(3)
    with pytest.raises(AssertionError):
        read.subtree_features(2)
    monkeypatch.setattr("predictors.model_based.nao.cell_sequences", refuse)
    nao = registry.create("nao", {}, seed=0)
    assert nao._inputs(read)["tokens"].shape == (len(ROWS), 6)
    with pytest.raises(AssertionError):
        nao._inputs(observe(small_table, ROWS))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("bayes_lin_reg", {}),
        ("rf", {"encoding": "path", "n_estimators": 3}),
        ("rf", {"n_estimators": 3, "hpo": {"configs": 2, "folds": 2}}),
        ("gpwl", {}),
        ("gcn", {"epochs": 1, "min_steps": 1}),
        ("bonas", {"epochs": 1}),
        ("mlp", {"epochs": 1}),
        ("nao", {"epochs": 1, "hidden": 16}),
        ("seminas", {"epochs": 1, "hidden": 16}),
    ],
)
def test_predictions_do_not_depend_on_who_encoded(table, name, params):
    predictor = registry.create(name, params, seed=0)
    assert predictor.encodings
    encoded = EncodedTable.of(table, set(predictor.encodings))
    assert set(encoded.encodings) == set(predictor.encodings) - {GLOBAL_NODE}
    train, query = np.arange(30), np.arange(30, 80)
    scores = [
        registry.create(name, params, seed=0)
        .fit(observe(one, train, labelled=True))
        .predict(observe(one, query))
        for one in (table, encoded)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])


def test_what_is_too_large_or_unknown_is_left_to_the_fits(small_table, monkeypatch):
    assert EncodedTable.of(small_table, {"no such encoding"}).encodings == {}
    monkeypatch.setattr(shared, "MAX_BYTES", 30 * len(small_table))
    table = EncodedTable.of(small_table, NAMES)
    assert set(table.encodings) == {"adjacency"}
    direct = observe(small_table, ROWS).encode("path")
    np.testing.assert_array_equal(observe(table, ROWS).encode("path"), direct)
    assert EncodedRows(table.encodings, ROWS).get("path") is None

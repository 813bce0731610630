"""A study's tables carry the encodings that its tasks ask for."""

import pickle

import numpy as np
import pytest

import predictors.observations
from pipeline.encode import encoded_tables
from pipeline.evaluate import Context, evaluate_batch
from pipeline.plan import make_plan
from pipeline.study import Study
from predictors.encoded_table import EncodedTable
from predictors.encodings.shared import subtrees


def tasks_of(table, *names):
    fields = {"name": "s", "tasks": [table.name], "train_sizes": [20], "trials": 2, "test_size": 50}
    return make_plan(Study(predictors=list(names), **fields), {table.name: table}).tasks


def test_each_encoding_of_a_study_is_made_once_per_table(small_table):
    other = {"name": "rf", "params": {"encoding": "path"}}
    tasks = tasks_of(small_table, "rf", "bayes_lin_reg", "gpwl", other, "params")
    table = encoded_tables({small_table.name: small_table}, tasks)[small_table.name]
    assert isinstance(table, EncodedTable)
    assert set(table.encodings) == {"adjacency", "path", subtrees(3)}
    assert table.fingerprint == small_table.fingerprint
    np.testing.assert_array_equal(table.val_acc, small_table.val_acc)


def test_a_study_that_needs_none_keeps_its_table(small_table):
    tasks = tasks_of(small_table, "params")
    assert encoded_tables({small_table.name: small_table}, tasks)[small_table.name] is small_table


@pytest.mark.parametrize("name", ["bayes_lin_reg", "gpwl"])
def test_workers_read_them_and_find_the_same(small_table, name, monkeypatch):
    tasks = tasks_of(small_table, name)
    table = encoded_tables({small_table.name: small_table}, tasks)[small_table.name]
    directly = evaluate_batch(tasks, small_table, Context("s")).rows

    def refuse(*arguments):
        raise AssertionError("encoded again")

    for encoder in ("encode", "subtree_features"):
        monkeypatch.setattr(predictors.observations, encoder, refuse)
    assert evaluate_batch(tasks, small_table, Context("s")).rows[0]["status"] == "error"
    rows = evaluate_batch(tasks, pickle.loads(pickle.dumps(table)), Context("s")).rows
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert [(row["key"], row["kendall"]) for row in rows] == [
        (row["key"], row["kendall"]) for row in directly
    ]

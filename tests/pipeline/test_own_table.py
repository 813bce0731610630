"""A user's own measurements, from the file to the report."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests_support import naspred, rows_of

from predictors.catalog import BUILTIN

OPERATIONS = ["conv", "pool", "dense"]


def cells(count, rng):
    """Random layered cells; their accuracy depends on what they are made of."""
    ops, adjacency, accuracy, seconds = [], [], [], []
    for _ in range(count):
        size = int(rng.integers(4, 7))
        matrix = np.triu(rng.random((size, size)) < 0.5, 1)
        matrix[np.arange(size - 1), np.arange(1, size)] = True  # a chain: every vertex counts
        inner = [str(name) for name in rng.choice(OPERATIONS, size - 2)]
        ops.append(["in", *inner, "out"])
        adjacency.append(matrix.astype(int).ravel().tolist())
        accuracy.append(70.0 + 4.0 * inner.count("conv") - 2.0 * inner.count("pool") + 0.3 * matrix.sum())
        seconds.append(100.0)
    return {"ops": ops, "adjacency": adjacency, "val_acc": accuracy, "train_time_s": seconds}


@pytest.fixture(scope="module")
def columns():
    return cells(240, np.random.default_rng(0))


def write(folder, columns, name="mine"):
    file = folder / f"{name}.parquet"
    pq.write_table(pa.table(columns), file)
    return file


def test_every_predictor_that_needs_labels_only_runs_on_it(tmp_path, columns):
    file, out = write(tmp_path, columns), tmp_path / "out"
    names = [info.name for info in BUILTIN if info.needs == {"labels"} and info.spaces is None]
    assert {"rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg"} <= set(names)
    done = naspred(
        "run", "--benchmark", file, "--serial", "--out", out, "--predictors", ",".join([*names, "params"]),
        "--train-sizes", "30", "--trials", "1", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = rows_of(out).set_index("predictor")
    assert set(rows.loc[names, "status"]) == {"ok"}
    assert set(rows["space"]) == {"custom"}
    assert set(rows["dataset"]) == {"mine"}
    assert (rows.loc[names, "train_data_time_s"] == 3000.0).all()
    assert rows.loc["rf", "kendall"] > 0.3  # the accuracies depend on what it is trained on
    assert rows.loc["params", "status"] == "skipped"
    assert "counts" in rows.loc["params", "error_message"]
    assert json.loads(done.stdout)["statuses"] == {"ok": len(names), "skipped": 1}


def test_a_changed_table_is_another_benchmark(tmp_path, columns):
    out = tmp_path / "out"
    options = [
        "--serial",
        "--out",
        out,
        "--predictors",
        "bayes_lin_reg",
        "--train-sizes",
        "10",
        "--trials",
        "2",
        "--json",
    ]
    first = json.loads(naspred("run", "--benchmark", write(tmp_path, columns), *options).stdout)
    again = json.loads(naspred("run", "--benchmark", write(tmp_path, columns), *options).stdout)
    changed = dict(columns, val_acc=[value + 1.0 for value in columns["val_acc"]])
    other = json.loads(naspred("run", "--benchmark", write(tmp_path, changed), *options).stdout)
    assert [d["statuses"] for d in (first, again, other)] == [{"ok": 2}, {}, {"ok": 2}]


def test_a_wrong_table_names_column_and_row(tmp_path, columns):
    wrong = dict(columns, adjacency=[*columns["adjacency"][:7], [0, 1], *columns["adjacency"][8:]])
    done = naspred("run", "--benchmark", write(tmp_path, wrong), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "adjacency" in done.stderr
    assert "row 7" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()

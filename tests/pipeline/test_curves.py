"""Learning curves on their way from the table to rows."""

from dataclasses import replace

import numpy as np
import pytest
from tests_support import with_curves

from pipeline.aggregate import summarize
from pipeline.evaluate import Context, evaluate_batch
from pipeline.plan import make_plan
from pipeline.report.curves import budget_grids, curve_panels
from pipeline.rows import to_table
from pipeline.study import Study
from predictors import registry
from predictors.observations import Observations
from tasks.sampling import draw
from tasks.task import Task


@pytest.fixture(scope="module")
def table(small_table):
    return with_curves(small_table)


def study(**changes):
    fields = {
        "name": "curves",
        "tasks": ["nasbench201/made-up"],
        "predictors": ["valacc"],
        "epochs": [1, 6],
        "train_sizes": [8, 30],
        "trials": 2,
        "test_size": 40,
    }
    return Study(**(fields | changes))


def rows_of(table, **changes):
    plan = make_plan(study(**changes), {table.name: table})
    by_predictor = {}
    for task in plan.tasks:
        by_predictor.setdefault((task.predictor, task.params), []).append(task)
    return [row for tasks in by_predictor.values() for row in evaluate_batch(tasks, table, Context("t")).rows]


def test_curve_predictors_see_the_epochs_of_the_budget_and_the_length_of_the_training(table, monkeypatch):
    seen = []
    kind = registry.load_class("valacc")
    original = kind._predict
    monkeypatch.setattr(kind, "_predict", lambda self, query: seen.append(query) or original(self, query))
    rows = rows_of(table, epochs=[1, 6], trials=1)
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert [query.total_epochs for query in seen] == [12, 12]
    assert [query.targets for query in seen] == [None, None]
    for query, epochs in zip(seen, (1, 6), strict=True):
        assert {values.shape for values in query.curves.values()} == {(40, epochs)}


def test_query_time_is_the_partial_training_of_the_query_architectures(table):
    for row in rows_of(table, predictors=["valacc", "sotl"]):
        task = Task(**{name: row.get(name) for name in Task.__slots__ if name != "fingerprint"}
                    | {"fingerprint": table.fingerprint})  # fmt: skip
        test = draw(table, sampling="uniform", seed=task.seed, n_test=40, n_train=0).test
        expected = table.epoch_time_s[test].mean() * task.epochs
        assert row["partial_train_time_s"] == pytest.approx(expected)
        assert row["query_time_s"] == pytest.approx(expected + row["predict_time_s"])
        assert row["init_time_s"] == 0.0
        assert row["train_data_time_s"] == 0.0
        assert row["train_size"] is None


def test_partial_training_without_times_of_epochs_is_a_share_of_the_full_training(small_table):
    table = with_curves(small_table, epoch_time_s=None)
    row = rows_of(table, epochs=[6], trials=1)[0]
    test = draw(table, sampling="uniform", seed=0, n_test=40, n_train=0).test
    assert row["partial_train_time_s"] == pytest.approx(table.train_time_s[test].mean() / 2)


def test_more_epochs_than_the_table_has_are_skipped_with_the_reason(table):
    plan = make_plan(study(epochs=[6, 12, 13]), {table.name: table})
    assert sorted({task.epochs for task in plan.tasks}) == [6, 12]
    assert {(task.epochs, reason) for task, reason in plan.skipped} == {
        (13, "13 epochs asked for, but the curves of nasbench201/made-up have 12")
    }


def test_table_without_the_curve_is_skipped_with_the_reason(table):
    narrow = replace(table, curves={"train_loss": table.curves["train_loss"]})
    plan = make_plan(study(predictors=["valloss", "sotle"]), {table.name: narrow})
    assert {task.predictor for task in plan.tasks} == {"sotle"}
    assert {reason for _, reason in plan.skipped} == {
        "needs the curve val_loss, and nasbench201/made-up has train_loss"
    }


def test_curves_that_could_not_be_fitted_are_counted_in_the_row(table):
    curves = dict(table.curves)
    curves["val_acc_curve"] = curves["val_acc_curve"] + np.float32(100.0)
    rows = rows_of(replace(table, curves=curves), predictors=["valacc", "lce"], epochs=[6], trials=1)
    last, fitted = sorted(rows, key=lambda row: row["predictor"], reverse=True)
    assert (last["status"], last["error_message"]) == ("ok", None)
    assert fitted["status"] == "ok"
    assert fitted["error_message"] == "40 of 40 curves cannot be fitted; their last value is the prediction"
    assert fitted["kendall"] == last["kendall"]


def test_longer_curves_rank_better(table):
    rows = rows_of(table, epochs=[1, 12], trials=4)
    tau = {k: np.mean([row["kendall"] for row in rows if row["epochs"] == k]) for k in (1, 12)}
    assert tau[12] > 0.85 > tau[1]


def test_take_keeps_the_length_of_the_training(table):
    some = Observations(
        table.space, table.dataset, table.codes[:9], curves=table.curves, total_epochs=table.epochs
    )
    assert some.take(slice(0, 2)).total_epochs == 12


def test_hybrid_is_swept_along_both_budgets_and_reported_as_a_grid(table):
    lcsvr = {"name": "lcsvr", "params": {"configs": 5}}
    rows = rows_of(
        table,
        predictors=[lcsvr, "valacc", {"name": "lce", "params": {"particles": 20}}],
        trials=2,
        train_sizes=[8, 30],
    )
    assert {row["status"] for row in rows} == {"ok"}
    both = [row for row in rows if row["predictor"] == "lcsvr"]
    assert {(row["train_size"], row["epochs"]) for row in both} == {(8, 1), (8, 6), (30, 1), (30, 6)}
    assert {row["experiment"] for row in both} == {"vary_both"}
    for row in both:
        assert row["train_data_time_s"] >= 1000.0 * row["train_size"]
        assert row["partial_train_time_s"] > 7.0 * row["epochs"]
        assert row["init_time_s"] >= row["train_data_time_s"] + row["fit_time_s"]
    summary = summarize(to_table(rows))
    (grid,) = budget_grids(summary)
    assert (grid.label, grid.train_sizes.tolist(), grid.epochs.tolist()) == ("lcsvr", [8, 30], [1, 6])
    assert np.all(np.isfinite(grid.tau))
    assert grid.tau[1, 1] > grid.tau[1, 0]
    (along,) = curve_panels(summary, "epochs")
    assert {line.label for line in along.lines} == {"valacc", "lce"}
    assert all(line.x.tolist() == [1, 6] for line in along.lines)

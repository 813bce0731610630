import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_support import frame, make

from pipeline.aggregate import pareto_front, summarize
from pipeline.rows import ROW_SCHEMA
from tasks.errors import InputError


def plan(*tasks, **shared):
    defaults = {
        "predictor": "rf",
        "space": "nasbench201",
        "dataset": "cifar10",
        "train_size": 10,
        "epochs": None,
    }
    return pd.DataFrame([{**defaults, **shared, **task} for task in tasks])


def only(summary):
    assert len(summary) == 1
    return summary.iloc[0]


def test_mean_sd_and_interval_of_five_trials():
    values = [0.40, 0.50, 0.45, 0.55, 0.60]
    row = only(summarize(frame(*({"seed": i, "kendall": v} for i, v in enumerate(values)))))
    sd = math.sqrt(sum((v - 0.5) ** 2 for v in values) / 4)
    assert row["kendall_mean"] == pytest.approx(0.5)
    assert row["kendall_sd"] == pytest.approx(sd)
    assert row["kendall_se"] == pytest.approx(sd / math.sqrt(5))
    # 2.776445 is the 97.5 % quantile of Student's t with 4 degrees of freedom (any table).
    assert row["kendall_high"] - 0.5 == pytest.approx(2.776445 * sd / math.sqrt(5), rel=1e-6)
    assert 0.5 - row["kendall_low"] == pytest.approx(2.776445 * sd / math.sqrt(5), rel=1e-6)


def test_one_trial_has_no_interval():
    row = only(summarize(frame({"kendall": 0.3})))
    assert row["kendall_mean"] == 0.3
    assert row[["kendall_sd", "kendall_se", "kendall_low", "kendall_high"]].isna().all()


def test_statuses_are_told_apart_and_failures_count_as_zero():
    statuses = ["ok", "ok", "degenerate", "error", "timeout", "lost", "skipped"]
    row = only(summarize(frame(*({"seed": i, "status": s, "kendall": 0.6} for i, s in enumerate(statuses)))))
    counts = row[["n_trials", "n_ok", "n_degenerate", "n_failed", "n_skipped", "n_missing"]].tolist()
    assert counts == [7, 2, 1, 3, 1, 0]
    assert row["failure_rate"] == pytest.approx(4 / 6)
    assert row["kendall_mean"] == pytest.approx(0.6)
    assert row["kendall_zero"] == pytest.approx(2 * 0.6 / 6)


def test_all_skipped_has_no_failure_rate_and_no_tau():
    row = only(summarize(frame({"status": "skipped"})))
    assert pd.isna(row["failure_rate"])
    assert pd.isna(row["kendall_zero"])
    assert row["n_ok"] == 0


def test_all_failed_ranks_at_zero_without_mean():
    row = only(summarize(frame({"status": "error"}, {"status": "timeout", "seed": 1})))
    assert row["kendall_zero"] == 0.0
    assert pd.isna(row["kendall_mean"])
    assert row["failure_rate"] == 1.0


def test_times_are_medians_over_ok_trials():
    rows = frame(
        {"seed": 0, "init_time_s": 1.0, "query_time_s": 5.0},
        {"seed": 1, "init_time_s": 2.0, "query_time_s": 6.0},
        {"seed": 2, "init_time_s": 900.0, "query_time_s": 7.0},
        {"seed": 3, "init_time_s": 900.0, "query_time_s": 0.0, "status": "error"},
    )
    row = only(summarize(rows))
    assert row["init_time_s"] == 2.0
    assert row["query_time_s"] == 6.0


def test_other_metrics_are_means_and_stay_null_where_undefined():
    rows = frame({"seed": 0, "spearman": 0.2, "mae": None}, {"seed": 1, "spearman": 0.4, "mae": None})
    row = only(summarize(rows))
    assert row["spearman_mean"] == pytest.approx(0.3)
    assert pd.isna(row["mae_mean"])


def test_settings_without_a_budget_form_one_group_and_keep_null():
    summary = summarize(
        frame({"seed": 0}, {"seed": 1}, predictor="params", train_size=None, experiment="single")
    )
    row = only(summary)
    assert row["n_trials"] == 2
    assert row["train_size"] is pd.NA
    assert summary["train_size"].dtype == "Int64"


def test_every_column_that_makes_a_setting_separates():
    changes = [
        {"predictor": "gp"}, {"params": '{"a":1}'}, {"version": 2}, {"space": "x"}, {"dataset": "x"},
        {"sampling": "mutation"}, {"n_test": 100}, {"train_size": 20}, {"epochs": 5},
    ]  # fmt: skip
    summary = summarize(frame({}, *changes))
    assert len(summary) == len(changes) + 1


def test_arrow_table_gives_the_same_summary():
    rows = make(seeds=2).rows
    table = pa.Table.from_pandas(rows, schema=ROW_SCHEMA, preserve_index=False)
    pd.testing.assert_frame_equal(summarize(table), summarize(rows))


def test_no_rows_give_an_empty_summary_with_all_columns():
    empty, full = summarize(frame()), summarize(frame({}))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)


def test_totals_agree_with_the_rows():
    study = make(seeds=4)
    summary = summarize(study.rows, study.expected)
    counts = study.rows["status"].value_counts()
    assert summary["n_ok"].sum() == counts["ok"]
    assert summary["n_degenerate"].sum() == counts["degenerate"]
    assert summary["n_failed"].sum() == counts.reindex(["error", "timeout", "lost"]).sum()
    assert summary["n_missing"].sum() == len(study.expected) - len(study.rows)


def test_missing_trials_of_a_setting_are_counted_by_seed():
    expected = plan(*({"seed": i} for i in range(5)))
    row = only(summarize(frame({"seed": 1}, {"seed": 3, "status": "error"}), expected))
    assert row["n_trials"] == 2
    assert row["n_missing"] == 3


def test_unplanned_rows_are_not_missing():
    row = only(summarize(frame({"seed": 7}), plan({"seed": 7}, {"seed": 7})))
    assert row["n_missing"] == 0


def test_setting_without_rows_takes_what_is_known_of_predictor_and_task():
    rows = frame({"predictor": "rf"}, {"predictor": "gp", "version": 3, "train_size": 20})
    expected = plan(
        {"seed": 0},
        {"predictor": "gp", "train_size": 500, "seed": 0},
        {"predictor": "gp", "train_size": 500, "seed": 1},
    )
    summary = summarize(rows, expected)
    row = only(summary[summary["n_trials"] == 0])
    assert row["n_missing"] == 2
    assert row[["predictor", "train_size", "version", "family"]].tolist() == ["gp", 500, 3, "model_based"]
    assert row[["sampling", "n_test", "experiment"]].tolist() == ["uniform", 200, "vary_train_size"]
    assert pd.isna(row["kendall_mean"])
    assert pd.isna(row["kendall_zero"])


@pytest.mark.parametrize(
    ("budget", "experiment"),
    [
        ({"train_size": None, "epochs": None}, "single"),
        ({"train_size": 5, "epochs": None}, "vary_train_size"),
        ({"train_size": None, "epochs": 5}, "vary_fidelity"),
        ({"train_size": 5, "epochs": 5}, "vary_both"),
    ],
)
def test_experiment_of_a_predictor_that_never_ran_follows_from_its_budget(budget, experiment):
    summary = summarize(frame({}), plan({"predictor": "new", "seed": 0, **budget}))
    assert summary.set_index("predictor")["experiment"]["new"] == experiment


def test_expected_with_version_is_not_met_by_an_older_one():
    rows = frame({"version": 1, "seed": 0})
    assert summarize(rows, plan({"seed": 0}))["n_missing"].sum() == 0
    summary = summarize(rows, plan({"seed": 0, "version": 2}))
    assert summary.set_index("version")["n_missing"].to_dict() == {1: 0, 2: 1}


def test_missing_trials_go_to_the_newest_version():
    rows = frame({"version": 1, "seed": 0}, {"version": 2, "seed": 1})
    summary = summarize(rows, plan(*({"seed": i} for i in range(4))))
    assert summary.set_index("version")["n_missing"].to_dict() == {1: 0, 2: 2}


def test_nothing_ran_yet():
    summary = summarize(frame(), plan({"seed": 0}, {"seed": 1}))
    assert only(summary)["n_missing"] == 2


def test_labels_name_what_differs():
    rows = frame(
        {"predictor": "rf"},
        {"predictor": "rf", "params": '{"trees":5,"crit":"x"}'},
        {"predictor": "gp", "version": 1},
        {"predictor": "gp", "version": 2},
    )
    labels = set(summarize(rows)["label"])
    assert labels == {"rf", 'rf trees=5, crit="x"', "gp", "gp (v1)"}


def test_one_variant_keeps_the_plain_name_whatever_its_parameters():
    assert only(summarize(frame({"params": '{"trees":5}', "version": 4})))["label"] == "rf"


def test_task_names_tell_samplings_and_test_sizes_apart():
    rows = frame(
        {"sampling": "uniform"},
        {"sampling": "mutation"},
        {"dataset": "b", "n_test": 50},
        {"dataset": "b"},
        {"dataset": "c"},
    )
    assert set(summarize(rows)["task"]) == {
        "nasbench201/cifar10 uniform", "nasbench201/cifar10 mutation", "nasbench201/b (50 test)",
        "nasbench201/b (200 test)", "nasbench201/c",
    }  # fmt: skip


def test_absent_columns_are_named():
    with pytest.raises(InputError, match="result rows: no column kendall, mae"):
        summarize(frame({}).drop(columns=["kendall", "mae"]))
    with pytest.raises(InputError, match="expected tasks: no column seed"):
        summarize(frame({}), plan({}))


def front_of(points):
    rows = frame(
        *(
            {"seed": 0, "train_size": i + 1, "init_time_s": a, "query_time_s": b, "kendall": c}
            for i, (a, b, c) in enumerate(points)
        )
    )
    return pareto_front(summarize(rows)).tolist()


def test_front_by_hand():
    points = [
        (0.0, 1.0, 0.3),
        (10.0, 1.0, 0.3),
        (10.0, 0.1, 0.3),
        (10.0, 1.0, 0.9),
        (11.0, 1.0, 0.9),
        (0.0, 1.0, 0.3),
    ]
    assert front_of(points) == [True, False, True, True, False, True]


def test_tasks_do_not_dominate_each_other():
    rows = frame({"dataset": "a", "kendall": 0.1}, {"dataset": "b", "kendall": 0.9})
    assert pareto_front(summarize(rows)).all()


def test_unknown_time_is_off_the_front_and_dominates_nothing():
    rows = frame({"predictor": "a", "init_time_s": None, "kendall": 0.9}, {"predictor": "b", "kendall": 0.1})
    assert pareto_front(summarize(rows)).tolist() == [False, True]


def test_failures_count_on_the_front():
    rows = frame(
        {"predictor": "a", "kendall": 0.9}, {"predictor": "a", "status": "error", "seed": 1},
        {"predictor": "b", "kendall": 0.5}, {"predictor": "b", "kendall": 0.5, "seed": 1},
    )  # fmt: skip
    assert pareto_front(summarize(rows)).tolist() == [False, True]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-4, 4)), min_size=1, max_size=25))
def test_front_equals_the_definition(points):
    costs = np.array([(a, b, -c) for a, b, c in points], dtype=float)
    expected = [
        not any(np.all(other <= mine) and np.any(other < mine) for other in costs) for mine in costs
    ]  # every pair, one by one
    summary = pd.DataFrame(points, columns=["init_time_s", "query_time_s", "kendall_zero"]).assign(task="t")
    assert pareto_front(summary).tolist() == expected


def test_front_of_more_rows_than_one_block():
    rng = np.random.default_rng(0)
    summary = pd.DataFrame(
        rng.random((1500, 3)), columns=["init_time_s", "query_time_s", "kendall_zero"]
    ).assign(task="t")
    front = pareto_front(summary)
    inside, outside = summary[front], summary[~front]
    for row in outside.head(40).itertuples():
        better = (inside.init_time_s <= row.init_time_s) & (inside.query_time_s <= row.query_time_s)
        assert (better & (inside.kendall_zero >= row.kendall_zero)).any()

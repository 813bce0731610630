import numpy as np
import pandas as pd
import pytest
from rows_support import CATALOG, SIX, frame, make
from scipy.stats import t, ttest_rel

from pipeline.aggregate import summarize
from pipeline.budgets import at_budget, best_by_budget, common_budget

TASK = "nasbench201/cifar10"


def trials(predictor, taus, **fields):
    """One row per tau; a word instead of a number is a status."""
    return [
        {
            "predictor": predictor,
            "seed": i,
            **({"status": tau} if isinstance(tau, str) else {"kendall": tau}),
            **fields,
        }
        for i, tau in enumerate(taus)
    ]


def best(*groups):
    rows = frame(*(row for group in groups for row in group))
    return best_by_budget(summarize(rows), rows)


def limits(train_size, epochs, task=TASK):
    return pd.DataFrame({"task": [task], "train_size": [train_size], "epochs": [epochs]})


def test_at_budget_takes_the_largest_that_fits():
    rows = frame(
        *({"train_size": n} for n in (5, 50, 500)),
        {"predictor": "params", "train_size": None},
        {"predictor": "late", "train_size": 400},
        {"predictor": "both", "train_size": 50, "epochs": 3},
        {"predictor": "both", "train_size": 50, "epochs": 30},
    )
    summary = summarize(rows)
    chosen = at_budget(summary, limits(100, 10)).set_index("label")
    assert chosen["train_size"].dropna().to_dict() == {"both": 50, "rf": 50}
    assert set(chosen.index) == {"rf", "params", "both"}
    assert chosen["epochs"]["both"] == 3
    unlimited = at_budget(summary, limits(None, None)).set_index("label")
    assert unlimited["train_size"].dropna().to_dict() == {"rf": 500, "late": 400, "both": 50}
    assert unlimited["epochs"]["both"] == 30


def test_at_budget_leaves_out_other_tasks():
    summary = summarize(frame({}, {"dataset": "other"}))
    assert at_budget(summary, limits(None, None))["task"].tolist() == [TASK]


def test_common_budget_is_the_largest_that_all_swept_predictors_share():
    rows = frame(
        *({"train_size": n} for n in (5, 50, 500)),
        *({"predictor": "gp", "train_size": n} for n in (5, 50)),
        {"predictor": "params", "train_size": None},
        *({"dataset": "b", "train_size": n} for n in (7, 9)),
        {"dataset": "b", "predictor": "gp", "train_size": 8},
        {"dataset": "c", "predictor": "valacc", "train_size": None, "epochs": 20},
    )
    found = common_budget(summarize(rows)).set_index("task")
    assert found["train_size"].dropna().to_dict() == {TASK: 50, "nasbench201/b": 9}
    assert found["epochs"].dropna().to_dict() == {"nasbench201/c": 20}
    assert len(found) == 3


def test_a_budget_that_was_skipped_is_none_in_common():
    curve = {"predictor": "valacc", "train_size": None}
    other = {"predictor": "sotl", "train_size": None}
    some = [{**curve, "epochs": 5}, {**other, "epochs": 5}, {**curve, "epochs": 20, "status": "error"}]
    beyond = [{**part, "epochs": 30, "status": "skipped"} for part in (curve, other)]
    assert common_budget(summarize(frame(*some, *beyond)))["epochs"].tolist() == [5]
    # Failed, but tried: the budget is one that the predictor has.
    tried = {**other, "epochs": 20}
    assert common_budget(summarize(frame(*some, tried, *beyond)))["epochs"].tolist() == [20]
    assert common_budget(summarize(frame(*beyond)))["epochs"].isna().all()


def test_common_budget_of_nothing():
    assert common_budget(summarize(frame())).empty


def test_lead_is_the_paired_t_interval():
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.1, 12)
    first, second = 0.60 + shared, 0.57 + shared + rng.normal(0, 0.01, 12)
    row = best(trials("rf", first), trials("gp", second)).iloc[0]
    interval = ttest_rel(first, second).confidence_interval(0.95)
    assert row[["label", "runner_up", "n_pairs"]].tolist() == ["rf", "gp", 12]
    assert row["lead"] == pytest.approx((first - second).mean())
    assert row["lead_low"] == pytest.approx(interval.low)
    assert row["lead_high"] == pytest.approx(interval.high)
    # Unpaired, the means cannot be told apart; paired, they can.
    assert row["inside"]
    assert row["tied"] == []


def test_indistinguishable_predictors_are_tied():
    row = best(
        trials("rf", [0.5, 0.6, 0.7]), trials("gp", [0.6, 0.5, 0.68]), trials("ngb", [0.1, 0.2, 0.3])
    ).iloc[0]
    assert row["label"] == "rf"
    assert row["tied"] == ["gp"]


def test_failures_count_as_zero_in_ranking_and_pairs():
    row = best(trials("rf", [0.9, "error", 0.9, "timeout"]), trials("gp", [0.5, 0.5, 0.5, 0.5])).iloc[0]
    assert row["label"] == "gp"
    assert row["runner_up_kendall"] == pytest.approx(0.45)
    differences = np.array([-0.4, 0.5, -0.4, 0.5])
    assert row["lead"] == pytest.approx(differences.mean())
    half = t.ppf(0.975, 3) * differences.std(ddof=1) / 2
    assert row["lead_high"] == pytest.approx(differences.mean() + half)


def test_only_common_seeds_are_paired():
    late = [{**row, "seed": row["seed"] + 3} for row in trials("gp", [0.1, 0.2, 0.3, 0.4])]
    row = best(trials("rf", [0.5, 0.6, 0.7, 0.8, 0.9]), late).iloc[0]
    assert row["n_pairs"] == 2
    assert row["lead"] == pytest.approx(np.mean([0.8 - 0.1, 0.9 - 0.2]))


def test_skipped_trials_are_not_compared():
    row = best(trials("rf", [0.5, 0.5]), trials("gp", ["skipped", "skipped"])).iloc[0]
    assert row["label"] == "rf"
    assert row["runner_up"] is None


def test_one_seed_gives_no_interval_and_no_tie():
    row = best(trials("rf", [0.5]), trials("gp", [0.49])).iloc[0]
    assert row["inside"] is None
    assert row["n_pairs"] == 1
    assert np.isnan(row["lead_low"])
    assert row["tied"] == []


def test_runner_up_inside_or_outside_the_interval():
    near = best(trials("rf", [0.5, 0.6, 0.7]), trials("gp", [0.58, 0.58, 0.58])).iloc[0]
    far = best(trials("rf", [0.5, 0.51, 0.52]), trials("gp", [0.1, 0.1, 0.1])).iloc[0]
    assert near["inside"]
    assert not far["inside"]


def test_small_budgets_go_to_the_baseline_and_large_ones_to_the_learner():
    found = best(
        trials("params", [0.5, 0.52], train_size=None),
        trials("rf", [0.2, 0.2], train_size=5),
        trials("rf", [0.7, 0.7], train_size=100),
    )
    assert found["budget_train_size"].tolist() == [0, 5, 100]
    assert found["label"].tolist() == ["params", "params", "rf"]
    assert found["train_size"].tolist() == [pd.NA, pd.NA, 100]
    assert found["runner_up"].tolist() == [None, "rf", "params"]


def test_a_predictor_stands_with_its_largest_budget_within_the_limit():
    found = best(
        trials("rf", [0.6], train_size=10),
        trials("gp", [0.1], train_size=10),
        trials("gp", [0.2], train_size=20),
    )
    row = found[found["budget_train_size"] == 20].iloc[0]
    assert row[["label", "train_size", "runner_up_kendall"]].tolist() == ["rf", 10, 0.2]


def test_all_pairs_of_both_budgets_are_answered():
    study = make(
        ("params", "rf", "valacc", "lcsvr"), seeds=2, sizes=(5, 50), epochs=(1, 20), faults=False, gaps=False
    )
    summary = summarize(study.rows)
    found = best_by_budget(summary, study.rows)
    pairs = found[found["task"] == TASK][["budget_train_size", "budget_epochs"]].to_numpy().tolist()
    assert pairs == [[n, k] for n in (0, 5, 50) for k in (0, 1, 20)]
    # By hand at (50, 1): each predictor's row with the largest budget inside.
    part = summary[
        (summary["task"] == TASK)
        & (summary["train_size"].fillna(0) <= 50)
        & (summary["epochs"].fillna(0) <= 1)
    ]
    largest = part.sort_values(["train_size", "epochs"], na_position="first").groupby("label").tail(1)
    winner = largest.sort_values("kendall_zero").iloc[-1]
    row = found[
        (found["task"] == TASK) & (found["budget_train_size"] == 50) & (found["budget_epochs"] == 1)
    ].iloc[0]
    assert row["label"] == winner["label"]
    assert row["kendall_zero"] == winner["kendall_zero"]


def test_nothing_measured_has_no_answer():
    rows = frame({"status": "skipped"})
    assert best_by_budget(summarize(rows), rows).empty
    assert best_by_budget(summarize(frame()), frame()).empty


def test_every_task_and_budget_of_a_large_study_has_one_answer():
    study = make(tuple(CATALOG), SIX, seeds=2, sizes=(5, 50), epochs=(1, 20))
    summary = summarize(study.rows, study.expected)
    found = best_by_budget(summary, study.rows)
    assert len(found) == 6 * 3 * 3
    assert not found.duplicated(["task", "budget_train_size", "budget_epochs"]).any()

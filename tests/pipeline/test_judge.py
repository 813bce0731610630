"""Scores that a predictor may leave undefined, and what they do to the metrics."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.judge import judge
from predictors import registry
from tasks.metrics import all_metrics

Y = np.array([10.0, 50.0, 60.0, 70.0, 80.0, 90.0, 91.0, 92.0])
P = np.array([np.nan, 1.0, 3.0, 2.0, 4.0, 6.0, 5.0, 7.0])
REASONS = ["no gradient", *[""] * 7]
JACOV, RF = registry.get_info("jacov"), registry.get_info("rf")


def test_undefined_scores_rank_below_all_others():
    verdict = judge(Y, P, JACOV, REASONS)
    assert verdict.error_type == ""
    assert verdict.message == "1 of 8 architectures have no score, most often because no gradient"
    assert verdict.columns["n_undefined"] == 1
    as_ranked = all_metrics(Y, np.where(np.isnan(P), -1e9, P), percent=False)
    for name in ("kendall", "spearman", "precision_1pct"):
        assert verdict.columns[name] == as_ranked[name]
    # 26 pairs agree, 2 do not; without the dead cell it would be 19 of 21.
    assert verdict.columns["kendall"] == pytest.approx(24 / 28)
    assert verdict.columns["pearson"] == pytest.approx(np.corrcoef(Y[1:], P[1:])[0, 1])


def test_several_undefined_ones_are_tied():
    p = P.copy()
    p[1] = np.nan
    tau = judge(Y, p, JACOV, REASONS).columns["kendall"]
    assert tau == pytest.approx((25 - 2) / np.sqrt(27 * 28))


def test_errors_are_over_the_defined():
    percent = replace(JACOV, percent=True)
    verdict = judge(Y, np.where(np.isnan(P), np.nan, Y + 1.0), percent, REASONS)
    assert (verdict.columns["mae"], verdict.columns["rmse"]) == (1.0, 1.0)


def test_half_may_be_undefined_and_not_more():
    p = np.where(np.arange(8) < 4, np.nan, np.arange(8.0))
    assert judge(Y, p, JACOV, []).error_type == ""
    p[4] = np.nan
    verdict = judge(Y, p, JACOV, ["x"] * 5 + [""] * 3)
    assert verdict.error_type == "UndefinedScores"
    assert verdict.message == "5 of 8 architectures have no score, most often because x"
    assert verdict.columns == {"n_undefined": 5}


@pytest.mark.parametrize(
    ("info", "scores", "message"),
    [
        (RF, P, "1 of 8 predictions are not finite"),
        (JACOV, np.where(np.isnan(P), np.nan, 1.0), "all 7 predictions are equal"),
        (JACOV, np.where(np.arange(8) == 3, np.inf, P), "1 of 8 predictions are not finite"),
    ],
)
def test_other_useless_scores(info, scores, message):
    verdict = judge(Y, scores, info, REASONS)
    assert (verdict.error_type, verdict.message) == ("DegenerateScores", message)
    assert verdict.columns.get("n_undefined") == (None if info is RF else 1)


def test_predictors_that_score_everything_are_judged_as_ever():
    scores = np.arange(8.0)
    assert judge(Y, scores, RF, []).columns == all_metrics(Y, scores, percent=True)
    assert judge(Y, scores, JACOV, [""] * 8).columns == {
        "n_undefined": 0,
        **all_metrics(Y, scores, percent=False),
    }

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tasks.metrics import all_metrics, kendall, pearson, precision_at, spearman

values = st.one_of(st.integers(-5, 5).map(float), st.floats(-100, 100, width=32))
pairs = st.integers(2, 60).flatmap(
    lambda m: st.tuples(
        hnp.arrays(np.float64, m, elements=values), hnp.arrays(np.float64, m, elements=values)
    )
)


@given(pairs)
def test_kendall_equals_scipy_tau_b(pair):
    y, p = pair
    expected = stats.kendalltau(y, p).statistic
    ours = kendall(y, p)
    if np.isnan(expected):
        assert ours is None
    else:
        assert ours == pytest.approx(expected, abs=1e-12)


@given(pairs)
def test_spearman_equals_scipy(pair):
    y, p = pair
    if np.ptp(y) == 0 or np.ptp(p) == 0:
        assert spearman(y, p) is None
    else:
        assert spearman(y, p) == pytest.approx(stats.spearmanr(y, p).statistic, abs=1e-9)


def test_kendall_of_many_values_uses_the_same_definition():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 50, 1500).astype(float), rng.normal(size=1500)
    assert kendall(y, p) == pytest.approx(stats.kendalltau(y, p).statistic, abs=1e-12)


@given(pairs)
def test_rank_metrics_ignore_increasing_transformations(pair):
    y, p = pair
    assert kendall(y, p) == kendall(y, stats.rankdata(p))
    assert precision_at(y, p, 1) == precision_at(y, stats.rankdata(p), 1)


def test_pearson_is_signed():
    y = np.array([1.0, 2.0, 3.0])
    assert pearson(y, -y) == pytest.approx(-1.0)


def test_pearson_does_not_overflow():
    y = np.array([1.0, 2.0, 3.0])
    assert pearson(y, np.array([1e200, 2e200, 3e200])) == pytest.approx(1.0)


def test_precision_counts_the_shared_top():
    y = np.arange(10.0)
    p = y.copy()
    p[[9, 0]] = p[[0, 9]]  # the best is predicted worst, the worst best
    assert precision_at(y, p, 1) == 0.0
    assert precision_at(y, p, 3) == pytest.approx(2 / 3)
    assert precision_at(y, y, 3) == 1.0


def test_precision_drops_ties_at_the_border():
    y = np.arange(10.0)
    assert precision_at(y, np.zeros(10), 3) == 0.0
    assert precision_at(y, y, 10) is None


def test_sparse_kendall_rounds_only_the_prediction():
    y = np.array([90.01, 90.02, 90.03, 90.04])
    metrics = all_metrics(y, y, percent=True)
    assert metrics["kendall"] == metrics["kendall_2dec"] == 1.0
    assert metrics["kendall_1dec"] is None  # all predictions round to 90.0: undefined, not zero


def test_errors_only_on_the_percent_scale():
    y, p = np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 2.0])
    assert all_metrics(y, p, percent=False)["mae"] is None
    metrics = all_metrics(y, p, percent=True)
    assert metrics["mae"] == pytest.approx(1.0)
    assert metrics["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert metrics["kendall"] is None  # one undefined metric leaves the others


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_predictions_leave_every_metric_undefined(bad):
    y, p = np.arange(30.0), np.arange(30.0)
    p[3] = bad
    assert set(all_metrics(y, p, percent=True).values()) == {None}

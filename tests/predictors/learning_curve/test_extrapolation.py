import logging
from dataclasses import replace

import numpy as np
import pytest

from predictors import registry
from predictors.observations import Observations
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
QUICK = {"lce": {"particles": 40}, "lce_m": {"pairs": 16, "steps": 60}}


def observe(accuracy, total):
    return Observations(
        SPACE,
        DatasetInfo("d"),
        SPACE.all_codes()[: len(accuracy)],
        curves={"val_acc_curve": np.asarray(accuracy, dtype=np.float32)},
        total_epochs=total,
    )


def saturating(n, total, noise=0.3):
    """Power laws with limits that the first epochs do not tell, and their values at the end."""
    rng = np.random.default_rng(0)
    x = np.arange(1.0, total + 1)
    limit, gap, power = (rng.uniform(*bounds, size=(n, 1)) for bounds in ((60, 90), (30, 55), (0.3, 1.5)))
    curves = limit - gap * x**-power
    return curves + noise * rng.normal(size=curves.shape), curves[:, -1]


@pytest.mark.parametrize("name", QUICK)
def test_extrapolates_better_than_the_last_value_and_knows_how_well(name):
    curves, ends = saturating(24, 100)
    mean, std = registry.create(name, QUICK[name], seed=0).predict_distribution(observe(curves[:, :25], 100))
    last = np.abs(curves[:, 24] - ends).mean()
    assert np.abs(mean - ends).mean() < 0.5 * last
    assert np.mean(np.abs(mean - ends) < 3 * std) > 0.8
    assert np.all((mean > 0) & (mean < 100))


@pytest.mark.parametrize("name", QUICK)
def test_certainty_grows_with_the_curve(name):
    curves, _ = saturating(8, 60)
    predictor = registry.create(name, QUICK[name], seed=0)
    spread = [predictor.predict_distribution(observe(curves[:, :k], 60))[1].mean() for k in (1, 10, 60)]
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


@pytest.mark.parametrize("name", QUICK)
def test_one_epoch_leaves_the_prior_above_the_first_value(name):
    mean, std = registry.create(name, QUICK[name], seed=0).predict_distribution(
        observe([[20.0], [50.0], [80.0]], 50)
    )
    assert mean[0] < mean[1] < mean[2]
    assert np.all((mean > [20, 50, 80]) & (mean < 100))
    assert np.all(std > 2)


@pytest.mark.parametrize("name", QUICK)
def test_curve_that_cannot_be_fitted_keeps_its_last_value_and_is_counted(name, caplog):
    query = observe(saturating(3, 20)[0][:, :5], 20)
    loss = 100 - query.curves["val_acc_curve"]
    loss[1] = [140, 130, 125, 120, 110]
    query = replace(query, curves={"val_loss": loss})
    predictor = registry.create(name, QUICK[name], seed=0)
    with caplog.at_level(logging.WARNING):
        mean, std = predictor.predict_distribution(query)
    assert predictor.n_fallback_ == 1
    assert mean[1] == -10.0
    assert std[1] == pytest.approx(100 / 12**0.5)
    assert len(caplog.records) == 1
    assert predictor.notice_ == "1 of 3 curves cannot be fitted; their last value is the prediction"
    assert predictor.notice_ in caplog.text
    predictor.predict(query.take(np.array([0, 2])))
    assert (predictor.n_fallback_, predictor.notice_) == (0, "")


@pytest.mark.parametrize("name", QUICK)
def test_a_curve_that_falls_is_noise_about_one_that_rises_and_says_next_to_nothing(name):
    predictor = registry.create(name, QUICK[name], seed=0)
    mean, std = predictor.predict_distribution(observe([[90.0, 50.0, 20.0, 1.0]], 20))
    assert predictor.n_fallback_ == 0
    assert 30 < mean[0] < 90
    assert std[0] > 25  # a uniform accuracy has 29


@pytest.mark.parametrize("name", QUICK)
def test_length_of_the_training_must_be_known_and_not_be_shorter(name):
    query = observe([[20.0, 30.0], [50.0, 55.0]], None)
    predictor = registry.create(name, QUICK[name], seed=0)
    with pytest.raises(InputError, match="total_epochs of the observations is None"):
        predictor.predict(query)
    with pytest.raises(InputError, match="total_epochs is 1, the curves have 2"):
        predictor.predict(replace(query, total_epochs=1))


@pytest.mark.parametrize("name", QUICK)
def test_finished_training_is_not_extrapolated(name):
    predictor = registry.create(name, QUICK[name], seed=0)
    assert predictor.predict(observe([[20.0], [50.0]], 1)).tolist() == [20, 50]
    curves, _ = saturating(6, 30, noise=0.05)
    np.testing.assert_allclose(predictor.predict(observe(curves, 30)), curves[:, -1], atol=0.5)

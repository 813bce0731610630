"""Choice by likelihood: the direction, and what a configuration can be."""

import numpy as np
import pytest

from predictors.hybrid import tuned_ngb
from predictors.hybrid.tuned_ngb import TunedNGBoost, loss
from predictors.model_based.ngb import NGBoost

rng = np.random.default_rng(0)
X = rng.integers(0, 2, size=(60, 8)).astype(float)
Z = X @ rng.normal(size=8) + 0.3 * rng.normal(size=60)
Z = (Z - Z.mean()) / Z.std()
GOOD = NGBoost(n_estimators=40, learning_rate=0.05, max_depth=3, min_samples_leaf=5, seed=0)
USELESS = NGBoost(n_estimators=1, learning_rate=1e-6, seed=0)
"""Stays at the normal distribution of all targets."""


def test_loss_by_hand():
    assert loss(np.array([1.0]), np.array([0.0]), np.array([2.0])) == pytest.approx(
        0.125 + np.log(2.0) + 0.5 * np.log(2 * np.pi)
    )
    assert loss(np.array([1.0, 0.0]), np.array([0.0, 0.0]), np.array([0.0, 1.0])) == np.inf


def test_a_good_model_has_a_lower_loss_than_a_useless_one_and_ngboost_agrees_whatever_its_sign():
    losses = []
    for settings in (GOOD, USELESS):
        model = settings._fit_model(X[:40], Z[:40])
        losses.append(loss(Z[40:], *settings._predict_model_distribution(model, X[40:])))
        assert abs(model.score(X[40:].astype(np.float32), Z[40:])) == pytest.approx(abs(losses[-1]))
    assert losses[0] < losses[1] - 0.1


@pytest.mark.parametrize("order", [(GOOD, USELESS), (USELESS, GOOD), (USELESS, GOOD, USELESS)])
def test_the_good_one_is_chosen_wherever_it_stands(order, monkeypatch):
    monkeypatch.setattr(TunedNGBoost, "_candidates", lambda *_: list(order))
    chosen = TunedNGBoost()._fit_model(X, Z)
    assert chosen.settings is GOOD
    assert len(chosen.losses) == len(order)
    assert chosen.losses[order.index(GOOD)] == chosen.losses.min()


@pytest.mark.parametrize("n", [8, 30, 1000])
def test_configurations_are_within_the_published_ranges(n):
    drawn = TunedNGBoost(configs=200, stages=512)._candidates(n, np.random.default_rng(1))
    largest = max(2, n // 3 - 1)
    for name, low, high in (
        ("n_estimators", 128, 512),
        ("learning_rate", 0.001, 0.1),
        ("minibatch_frac", 0.1, 1.0),
        ("max_depth", 1, 24),
        ("max_features", 0.1, 1.0),
        ("min_samples_leaf", 2, min(19, largest)),
        ("min_samples_split", 2, min(19, largest)),
    ):
        values = np.array([getattr(settings, name) for settings in drawn])
        assert low <= values.min() <= low + 0.1 * (high - low), name
        assert high - 0.1 * (high - low) <= values.max() <= high, name


def test_no_configuration_that_works_leaves_the_default(monkeypatch):
    blind = NGBoost(n_estimators=2, min_samples_leaf=1000)
    monkeypatch.setattr(TunedNGBoost, "_candidates", lambda *_: [blind])
    chosen = TunedNGBoost(stages=5)._fit_model(X, Z)
    assert chosen.losses.tolist() == [tuned_ngb._WORST]
    assert chosen.settings.get_params() == NGBoost(n_estimators=5, seed=0).get_params()


def test_too_few_architectures_to_choose():
    chosen = TunedNGBoost(stages=5)._fit_model(X[:7], Z[:7])
    assert chosen.losses.size == 0
    assert chosen.settings.min_samples_leaf == 1

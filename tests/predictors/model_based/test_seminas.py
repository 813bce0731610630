"""Unlabelled architectures: other ones, as many as asked for; and what they do to the model."""

import numpy as np
import pytest

from predictors.model_based.seminas import SemiNas
from predictors.model_based.unlabelled import draw_unlabelled

QUICK = {"hidden": 16, "epochs": 2, "min_steps": 4, "batch": 16}


@pytest.mark.parametrize("count", [0, 1, 50])
def test_unlabelled_are_distinct_and_not_in_the_training_set(count, observe):
    train = observe(40)
    drawn = draw_unlabelled(train, count, np.random.default_rng(3))
    forms = train.space.canonical_many(drawn)
    assert len(drawn) == len(set(forms)) == count
    assert not set(forms) & set(train.space.canonical_many(train.codes))


def test_a_space_without_others_gives_what_it_has(observe):
    train = observe(40)
    everything = np.unique(train.space.canonical_many(train.space.all_codes())).size
    known = np.unique(train.space.canonical_many(train.codes)).size
    drawn = draw_unlabelled(train, 20_000, np.random.default_rng(3))
    # The rarest classes have one cell in 15,625, so that a draw by rejection may end before the last.
    assert 0.9 * (everything - known) <= len(drawn) <= everything - known


@pytest.mark.parametrize("change", [{"unlabelled": 0.0}, {"labelled_weight": 1.0}, {"later_rate": 0.3}])
def test_every_setting_of_the_second_training_has_an_effect(change, observe):
    train, query = observe(40), observe(10, seed=1)
    usual = SemiNas(**QUICK, seed=0).fit(train).predict(query)
    other = SemiNas(**QUICK, **change, seed=0).fit(train).predict(query)
    assert np.abs(usual - other).max() > 1e-6

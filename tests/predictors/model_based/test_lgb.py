import numpy as np
import pytest

from predictors.model_based.lgb import LightGBM


@pytest.mark.parametrize(("n", "expected"), [(3, 1), (5, 1), (8, 2), (14, 3), (19, 4), (20, 5), (100, 5)])
def test_leaf_size_scales_with_the_training_set_up_to_the_published_five(observe, n, expected):
    booster = LightGBM(rounds=2).fit(observe(n)).model_
    assert booster.params["min_data_in_leaf"] == expected


def test_published_setting_predicts_a_constant_on_nine_cells_and_ours_does_not(observe):
    import lightgbm

    train, query = observe(9), observe(50, seed=4)
    x, y = train.encode("adjacency"), train.targets
    published = {
        "min_data_in_leaf": 5,
        "num_threads": 1,
        "verbosity": -1,
        "bagging_fraction": 0.8,
        "bagging_freq": 5,
    }
    booster = lightgbm.train(published, lightgbm.Dataset(x, label=y), num_boost_round=50)
    assert np.ptp(booster.predict(query.encode("adjacency"))) == 0
    assert len(np.unique(LightGBM().fit(train).predict(query))) > 5


def test_seeds_that_exceed_32_signed_bits_differ_from_each_other(observe):
    train, query = observe(30), observe(20, seed=4)
    first = LightGBM(seed=2**32 - 1).fit(train).predict(query)
    second = LightGBM(seed=2**32 - 2).fit(train).predict(query)
    assert not np.array_equal(first, second)

import numpy as np
import pytest

from predictors.model_based.lgb import LightGBM


@pytest.mark.parametrize(("n", "expected"), [(3, 1), (5, 1), (8, 2), (14, 3), (19, 4), (20, 5), (100, 5)])
def test_small_leaves_scale_with_the_training_set_up_to_the_published_five(observe, n, expected):
    booster = LightGBM(rounds=2, small_leaves=True).fit(observe(n)).model_
    assert booster.params["min_data_in_leaf"] == expected


@pytest.mark.parametrize(("n", "ranks"), [(5, False), (8, False), (14, True), (20, True)])
def test_the_published_setting_ranks_from_about_a_dozen_architectures_on(observe, n, ranks):
    train, query = observe(n), observe(50, seed=4)
    assert (np.ptp(LightGBM().fit(train).predict(query)) > 0) == ranks
    assert len(np.unique(LightGBM(small_leaves=True).fit(train).predict(query))) > 5


def test_the_default_is_the_published_setting(observe):
    import lightgbm

    train, query = observe(40), observe(50, seed=4)
    targets = train.targets
    published = {
        "objective": "regression",
        "num_leaves": 31,
        "learning_rate": 0.05,
        "feature_fraction": 0.9,
        "bagging_fraction": 0.8,
        "bagging_freq": 5,
        "min_data_in_leaf": 5,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "seed": 3,
    }
    data = lightgbm.Dataset(train.encode("adjacency"), label=(targets - targets.mean()) / targets.std())
    expected = lightgbm.train(published, data, num_boost_round=500).predict(query.encode("adjacency"))
    np.testing.assert_allclose(
        LightGBM(seed=3).fit(train).predict(query), targets.mean() + targets.std() * expected, rtol=1e-9
    )


def test_seeds_that_exceed_32_signed_bits_differ_from_each_other(observe):
    train, query = observe(30), observe(20, seed=4)
    first = LightGBM(seed=2**32 - 1).fit(train).predict(query)
    second = LightGBM(seed=2**32 - 2).fit(train).predict(query)
    assert not np.array_equal(first, second)

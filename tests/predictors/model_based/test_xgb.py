import numpy as np

from predictors.model_based.xgb import XGBoost


def test_one_column_is_kept_at_the_smallest_share(observe):
    train, query = observe(60), observe(100, seed=4)
    scores = XGBoost(colsample_bytree=1e-6, colsample_bylevel=1e-6).fit(train).predict(query)
    assert np.ptp(scores) > 0


def test_seed_matters_only_if_columns_are_sampled(observe):
    train, query = observe(30), observe(20, seed=4)

    def scores(seed, **params):
        return XGBoost(seed=seed, rounds=50, **params).fit(train).predict(query)

    assert np.array_equal(scores(1), scores(2))
    assert not np.array_equal(scores(1, colsample_bytree=0.5), scores(2, colsample_bytree=0.5))

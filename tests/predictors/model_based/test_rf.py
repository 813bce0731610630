import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from predictors.model_based.rf import RandomForest

PUBLISHED = {
    "n_estimators": 116,
    "max_features": 0.17055852,
    "min_samples_leaf": 2,
    "min_samples_split": 2,
    "bootstrap": False,
}


def package_trees(train, query, seed, **settings):
    """Standardised predictions of each tree of scikit-learn's forest, shape (trees, m)."""
    forest = RandomForestRegressor(**{**PUBLISHED, **settings}, random_state=seed)
    forest.fit(train.encode("adjacency"), (train.targets - train.targets.mean()) / train.targets.std())
    x = query.encode("adjacency").astype(np.float32)
    return np.stack([tree.predict(x) for tree in forest.estimators_])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_estimators": 20, "bootstrap": True},
        {"n_estimators": 20, "max_features": 0.9, "min_samples_leaf": 1, "min_samples_split": 7},
    ],
)
def test_trees_are_those_of_the_package_to_the_last_bit(observe, settings):
    train, query = observe(40), observe(20, seed=4)
    trees = package_trees(train, query, 3, **settings)
    predictor = RandomForest(**settings, seed=3).fit(train)
    scale = predictor.scale_
    assert np.array_equal(predictor.predict(query), scale.mean + scale.std * trees.mean(axis=0))


def test_spread_is_that_of_the_trees(observe):
    train, query = observe(40), observe(20, seed=4)
    predictor = RandomForest(n_estimators=7).fit(train)
    trees = package_trees(train, query, 0, n_estimators=7) * predictor.scale_.std
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, predictor.scale_.mean + trees.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, trees.std(axis=0), rtol=1e-9, atol=1e-12)

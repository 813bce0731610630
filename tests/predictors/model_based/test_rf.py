import numpy as np

from predictors.model_based.rf import RandomForest


def test_predictions_are_those_of_the_package(observe):
    train, query = observe(40), observe(20, seed=4)
    predictor = RandomForest(seed=3).fit(train)
    expected = predictor.scale_.mean + predictor.scale_.std * predictor.model_.predict(
        query.encode("adjacency")
    )
    np.testing.assert_allclose(predictor.predict(query), expected, rtol=1e-12)


def test_spread_is_that_of_the_trees(observe):
    train, query = observe(40), observe(20, seed=4)
    predictor = RandomForest(n_estimators=7).fit(train)
    x = query.encode("adjacency").astype(np.float32)
    trees = np.stack([tree.predict(x) for tree in predictor.model_.estimators_]) * predictor.scale_.std
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, predictor.scale_.mean + trees.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, trees.std(axis=0), rtol=1e-9, atol=1e-12)


def test_default_forest_is_the_published_one(observe):
    forest = RandomForest().fit(observe(20)).model_
    assert (forest.n_estimators, forest.max_features, forest.bootstrap) == (116, 0.17055852, False)
    assert (forest.min_samples_leaf, forest.min_samples_split, forest.n_jobs) == (2, 2, 1)

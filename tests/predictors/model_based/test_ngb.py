import numpy as np
import pytest
from ngboost import NGBRegressor
from ngboost.distns import Normal
from sklearn.tree import DecisionTreeRegressor

from predictors.model_based.ngb import NGBoost
from predictors.model_based.ngb_parts import LeanNormal


def package_model(x, z, *, stages, seed, share=0.5, **tree):
    """The ngboost package with its own normal distribution and trees, by default as published."""
    model = NGBRegressor(
        Base=DecisionTreeRegressor(**{"max_depth": 6, "max_features": 0.79204563, **tree}),
        n_estimators=stages,
        learning_rate=0.08127053,
        minibatch_frac=share,
        random_state=seed,
        verbose=False,
    )
    return model.fit(x, z)


@pytest.mark.parametrize(("n", "seed"), [(40, 0), (9, 3)])
def test_same_model_as_the_package_to_the_last_bit(observe, n, seed):
    train, query = observe(n), observe(50, seed=7)
    ours = NGBoost(n_estimators=150, seed=seed).fit(train)
    z = (train.targets - ours.scale_.mean) / ours.scale_.std
    theirs = package_model(train.encode("adjacency"), z, stages=150, seed=seed)
    assert ours.model_.scalings == theirs.scalings
    expected = theirs.pred_dist(query.encode("adjacency"))
    mean, std = ours.predict_distribution(query)
    assert np.array_equal(mean, ours.scale_.mean + ours.scale_.std * expected.loc)
    assert np.array_equal(std, ours.scale_.std * expected.scale)


def test_same_trees_as_the_package_at_other_settings(observe):
    tree = {"max_depth": 3, "max_features": 0.01, "min_samples_leaf": 3, "min_samples_split": 9}
    train, query = observe(30), observe(50, seed=7)
    ours = NGBoost(n_estimators=40, minibatch_frac=1.0, **tree).fit(train)
    z = (train.targets - ours.scale_.mean) / ours.scale_.std
    theirs = package_model(train.encode("adjacency"), z, stages=40, seed=0, share=1.0, **tree)
    assert ours.model_.scalings == theirs.scalings
    expected = theirs.pred_dist(query.encode("adjacency"))
    assert np.array_equal(ours.predict(query), ours.scale_.mean + ours.scale_.std * expected.loc)


def test_lean_distribution_scores_like_the_package():
    rng = np.random.default_rng(0)
    params, y = rng.normal(size=(2, 30)), rng.normal(size=30)
    from ngboost.manifold import manifold
    from ngboost.scores import LogScore

    lean, full = manifold(LogScore, LeanNormal)(params), manifold(LogScore, Normal)(params)
    np.testing.assert_allclose(lean.score(y), full.score(y), rtol=1e-13)
    assert np.array_equal(lean.d_score(y), full.d_score(y))
    assert np.array_equal(lean.grad(y), full.grad(y))
    assert np.array_equal(lean.grad(y, natural=False), full.grad(y, natural=False))
    np.testing.assert_allclose(LeanNormal.fit(y), Normal.fit(y), rtol=1e-14)
    assert set(lean.params) == set(full.params)
    with pytest.raises(NotImplementedError, match="5 samples"):
        lean.sample(5)


def test_two_and_three_training_cells(observe):
    for n in (2, 3):
        scores = NGBoost(n_estimators=50).fit(observe(n)).predict(observe(30, seed=2))
        assert np.all(np.isfinite(scores))

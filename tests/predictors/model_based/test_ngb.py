import numpy as np
import pytest
from ngboost import NGBRegressor
from ngboost.distns import Normal
from ngboost.manifold import manifold
from ngboost.scores import LogScore
from sklearn.tree import DecisionTreeRegressor

from predictors.model_based.ngb import NGBoost
from predictors.model_based.ngb_parts import LeanBoosting, _losses, _natural_gradients


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


def test_gradients_and_losses_are_the_package_s():
    rng = np.random.default_rng(0)
    params, y = rng.normal(size=(2, 30)), rng.normal(size=30)
    package = manifold(LogScore, Normal)(params)
    assert np.array_equal(_natural_gradients(params, y).T, package.grad(y, natural=True))
    assert _losses(params, y) == pytest.approx(package.total_score(y), rel=1e-13)


@pytest.mark.parametrize("size", [1e-9, 0.02, 0.3, 20.0])
def test_scales_of_steps_are_the_package_s(size):
    rng = np.random.default_rng(1)
    for start in rng.normal(size=(5, 2, 30)):
        ours = LeanBoosting({}, n_estimators=1, learning_rate=0.1, minibatch_frac=1.0, random_state=0)
        theirs = NGBRegressor()
        theirs.scalings = []
        # Steps across the slope as well as along it, so that searches halve, too.
        y = rng.normal(size=30)
        steps = size * (_natural_gradients(start, y) + rng.normal(size=(2, 30)))
        with np.errstate(all="ignore"):
            expected = theirs.line_search(steps.T, start.T, y)
            found = ours._scale(steps, float(np.linalg.norm(steps, axis=0).mean()), start, y)
        assert found == expected


def test_boosting_refuses_what_it_would_leave_out():
    model = LeanBoosting({}, n_estimators=1, learning_rate=0.1, minibatch_frac=1.0, random_state=0)
    with pytest.raises(NotImplementedError, match="X_val, Y_val"):
        model.fit(np.eye(4, dtype=np.float32), np.arange(4.0), X_val=np.eye(4), Y_val=np.arange(4.0))


def test_fewer_stages_on_request(observe):
    train, query = observe(30), observe(20, seed=2).encode("adjacency").astype(np.float32)
    short, long = (NGBoost(n_estimators=stages).fit(train).model_ for stages in (5, 9))
    assert np.array_equal(long.pred_param(query, max_iter=5), short.pred_param(query))


def test_two_and_three_training_cells(observe):
    for n in (2, 3):
        scores = NGBoost(n_estimators=50).fit(observe(n)).predict(observe(30, seed=2))
        assert np.all(np.isfinite(scores))

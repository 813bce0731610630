"""The two sparse processes as predictors; their objectives are tested in test_gp_bounds.py."""

import numpy as np
import pytest
import torch

from predictors.model_based.gp import GaussianProcess
from predictors.model_based.gp_collapsed import CollapsedBound
from predictors.model_based.gp_inducing import InducingKernel
from predictors.model_based.kmeans import kmeans
from predictors.model_based.sparse_gp import SparseGaussianProcess
from predictors.model_based.var_sparse_gp import VariationalSparseGaussianProcess
from tasks.seeds import generator

KINDS = [SparseGaussianProcess, VariationalSparseGaussianProcess]
UNTRAINED = {"steps": 1, "learning_rate": 1e-6}


@pytest.mark.parametrize("kind", KINDS)
def test_inducing_points_start_at_centres_of_the_training_architectures(observe, kind):
    train = observe(60)
    state = kind(seed=4, **UNTRAINED).fit(train).model_
    centres = kmeans(train.encode("adjacency"), 10, generator("inducing points", 4))
    assert state.inducing.shape == (10, 30)
    np.testing.assert_allclose(state.inducing, centres, atol=2e-6)
    moved = kind(seed=4).fit(train).model_.inducing
    assert np.abs(moved - centres).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_few_architectures_have_as_few_inducing_points(observe, kind):
    assert len(kind().fit(observe(4)).model_.inducing) == 4
    train = observe(3)
    many = type(train)(train.space, train.dataset, np.tile(train.codes, (5, 1)), np.tile(train.targets, 5))
    assert len(kind().fit(many).model_.inducing) == 3


def test_collapsed_process_with_all_architectures_inducing_is_the_exact_process(observe):
    train, query = observe(25), observe(40, seed=6)
    values = {"variance": 2.0, "lengthscale": 1.5, "noise": 0.3}
    exact = GaussianProcess(steps=0, **values).fit(train)
    sparse = SparseGaussianProcess(inducing=25, **UNTRAINED, **values).fit(train)
    for ours, expected in zip(
        sparse.predict_distribution(query), exact.predict_distribution(query), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_trained_posterior_of_the_bound_approaches_the_optimal_one(observe):
    """Titsias: the collapsed bound is the uncollapsed one at the best q(u)."""
    train, query = observe(40), observe(40, seed=6)
    values = {"variance": 1.0, "lengthscale": 3.0, "noise": 0.5, "learning_rate": 1e-3, "seed": 1}
    collapsed = SparseGaussianProcess(steps=1, **values).fit(train)
    trained = VariationalSparseGaussianProcess(objective="elbo", steps=1, **values).fit(train)
    assert np.abs(collapsed.predict(query) - trained.predict(query)).max() > 1.0
    values["learning_rate"] = 0.01
    collapsed = SparseGaussianProcess(steps=2000, **values).fit(train)
    trained = VariationalSparseGaussianProcess(objective="elbo", steps=2000, **values).fit(train)
    np.testing.assert_allclose(
        trained.model_.hyperparameters.logs, collapsed.model_.hyperparameters.logs, atol=0.05
    )
    np.testing.assert_allclose(trained.predict(query), collapsed.predict(query), atol=0.15)


def test_training_raises_the_bound(observe):
    train = observe(40)
    x, z = train.encode("adjacency"), (train.targets - train.targets.mean()) / train.targets.std()
    bound = CollapsedBound(InducingKernel([x], [z], [10]))
    values = []
    for steps in (1, 50, 200, 800):
        state = SparseGaussianProcess(steps=steps).fit(train).model_
        parameters = {"logs": state.hyperparameters.logs, "inducing": state.inducing}
        found = bound.value({name: torch.tensor(part)[None] for name, part in parameters.items()})
        values.append(found.item())
    assert values == sorted(values)
    assert values[3] > values[0] + 5


@pytest.mark.parametrize("kind", KINDS)
def test_many_of_different_sizes_are_fitted_as_one_by_one(observe, kind):
    sizes = (30, 5, 17, 30, 1)
    trains = [observe(n, seed=n) for n in sizes]
    together = [kind(seed=seed) for seed in range(5)]
    kind.fit_many(together, trains)
    query = observe(20, seed=99)
    for seed, (predictor, train) in enumerate(zip(together, trains, strict=True)):
        alone = kind(seed=seed).fit(train)
        # If every architecture is an inducing point, it hardly matters where they are, and Adam
        # makes steps of gradients that are rounding errors.
        tolerance = 1e-4 if len(train) == 5 else 1e-8
        np.testing.assert_allclose(predictor.predict(query), alone.predict(query), rtol=tolerance)
    assert together[4].model_ is None


def test_other_hyperparameters_make_another_stack(observe):
    trains = [observe(20, seed=n) for n in range(4)]
    settings = [{}, {"objective": "elbo"}, {"inducing": 3}, {"encoding": "path"}]
    together = [VariationalSparseGaussianProcess(**values) for values in settings]
    VariationalSparseGaussianProcess.fit_many(together, trains)
    query = observe(20, seed=99)
    for predictor, values, train in zip(together, settings, trains, strict=True):
        alone = VariationalSparseGaussianProcess(**values).fit(train)
        np.testing.assert_allclose(predictor.predict(query), alone.predict(query), rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_far_from_all_inducing_points_the_prior_is_left(observe, kind):
    train, query = observe(30), observe(5, seed=2)
    predictor = kind(inducing=2, lengthscale=0.05, **UNTRAINED).fit(train)
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, predictor.scale_.mean, rtol=1e-6)
    np.testing.assert_allclose(std, predictor.scale_.std * np.sqrt(5.0 + 1.0), rtol=1e-4)


def test_stacks_that_do_not_fit_in_memory_are_cut(observe, monkeypatch):
    monkeypatch.setattr("predictors.model_based.joint.MAX_ENTRIES", 2 * 20**2)
    sizes = [5, 20, 12, 20, 3, 14]
    parts = GaussianProcess._stacks(range(6), sizes)
    assert parts == [[1, 3], [5, 2, 0, 4]]
    monkeypatch.setattr("predictors.model_based.joint.MAX_ENTRIES", 1)
    assert GaussianProcess._stacks(range(6), sizes) == [[1], [3], [5], [2], [0], [4]]

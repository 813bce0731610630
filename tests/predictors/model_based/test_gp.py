import gpytorch
import numpy as np
import pytest
import torch

from predictors.model_based.gp import GaussianProcess
from predictors.model_based.gp_model import ExactModel
from predictors.model_based.gp_training import (
    Hyperparameters,
    LogPosterior,
    squared_distances,
    train_exact,
)

START = Hyperparameters(5.0, 10.0, 1.0)


def parameters(*values):
    return {"logs": torch.tensor(np.log(values)).reshape(-1, 3)}


@pytest.fixture
def problem(observe):
    train = observe(25)
    return train.encode("adjacency"), (train.targets - train.targets.mean()) / train.targets.std()


def gpytorch_objective(model):
    """The same log posterior by gpytorch, which divides by the number of targets."""
    model.train()
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    return objective(model(*model.train_inputs), model.train_targets) * len(model.train_targets)


def raw_parameters(model):
    """In the order variance, lengthscale, noise; they are logarithms."""
    kernel = model.covar_module
    return kernel.raw_outputscale, kernel.base_kernel.raw_lengthscale, model.likelihood.noise_covar.raw_noise


@pytest.mark.parametrize("values", [(5.0, 10.0, 1.0), (0.8, 1.7, 0.2), (2.0, 0.4, 0.05)])
def test_value_and_gradient_are_those_of_gpytorch(problem, values):
    x, z = problem
    model = ExactModel(x, z, Hyperparameters(*values))
    expected = gpytorch_objective(model)
    expected.backward()
    posterior = LogPosterior([squared_distances(x)], [z])
    assert posterior.value(parameters(values)).item() == pytest.approx(expected.item(), rel=1e-10)
    gradient = posterior.gradient(parameters(values))["logs"][0].tolist()
    for ours, parameter in zip(gradient, raw_parameters(model), strict=True):
        assert ours == pytest.approx(parameter.grad.item(), rel=1e-8)


def test_stacked_training_sets_of_other_sizes_do_not_touch_each_other(observe):
    """Value and gradient in a padded stack are those of each training set alone."""
    trains = [observe(n, seed=n) for n in (25, 7, 16, 1)]
    distances = [squared_distances(train.encode("adjacency")) for train in trains]
    targets = [np.sin(train.targets) for train in trains]
    values = parameters((5.0, 10.0, 1.0), (0.8, 1.7, 0.2), (2.0, 0.4, 0.05), (1.0, 1.0, 3.0))
    stacked = LogPosterior(distances, targets)
    together, gradients = stacked.value(values), stacked.gradient(values)["logs"]
    for index in range(4):
        alone = LogPosterior(distances[index : index + 1], targets[index : index + 1])
        own = {"logs": values["logs"][index : index + 1]}
        assert together[index].item() == pytest.approx(alone.value(own).item(), rel=1e-12)
        np.testing.assert_allclose(gradients[index], alone.gradient(own)["logs"][0], rtol=1e-10, atol=1e-12)


def test_training_is_that_of_gpytorch_with_torch_adam(problem):
    x, z = problem
    model = ExactModel(x, z, START)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimiser.zero_grad()
        (-gpytorch_objective(model)).backward()
        optimiser.step()
    (trained,) = train_exact([squared_distances(x)], [z], START, steps=200, learning_rate=0.01)
    expected = [parameter.item() for parameter in raw_parameters(model)]
    np.testing.assert_allclose(trained.logs, expected, rtol=1e-6)


def test_fit_keeps_the_trained_hyperparameters(observe, problem):
    x, z = problem
    state = GaussianProcess().fit(observe(25)).model_
    (trained,) = train_exact([squared_distances(x)], [z], START, steps=200, learning_rate=0.01)
    np.testing.assert_allclose(state.hyperparameters.logs, trained.logs, rtol=1e-12)
    assert trained.lengthscale < 5


def test_prediction_and_variance_are_those_of_the_textbook(observe):
    train, query = observe(25), observe(40, seed=6)
    predictor = GaussianProcess(steps=0, variance=2.0, lengthscale=1.5, noise=0.3).fit(train)
    z = (train.targets - predictor.scale_.mean) / predictor.scale_.std

    def kernel(a, b):
        return 2.0 * np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=2) / (2 * 1.5**2))

    x, q = train.encode("adjacency"), query.encode("adjacency")
    covariance, cross = kernel(x, x) + 0.3 * np.eye(25), kernel(x, q)
    expected = cross.T @ np.linalg.solve(covariance, z)
    variance = 2.0 + 0.3 - np.einsum("nm,nm->m", cross, np.linalg.solve(covariance, cross))
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, predictor.scale_.mean + predictor.scale_.std * expected, rtol=1e-10)
    np.testing.assert_allclose(std, predictor.scale_.std * np.sqrt(variance), rtol=1e-8)


def test_training_raises_the_log_posterior(problem):
    x, z = problem
    distances = [squared_distances(x)]
    values = []
    for steps in (0, 50, 200, 800):
        (trained,) = train_exact(distances, [z], START, steps=steps, learning_rate=0.01)
        values.append(LogPosterior(distances, [z]).value({"logs": torch.tensor(trained.logs)[None]}).item())
    assert values[0] < values[1] < values[2] < values[3]


def test_many_of_different_sizes_are_fitted_as_one_by_one(observe):
    trains = [observe(n, seed=n) for n in (30, 5, 17, 30, 1)]
    settings = [{}, {}, {"noise": 0.3}, {}, {}]
    together = [GaussianProcess(**values) for values in settings]
    GaussianProcess.fit_many(together, trains)
    query = observe(20, seed=99)
    for predictor, values, train in zip(together, settings, trains, strict=True):
        alone = GaussianProcess(**values).fit(train)
        np.testing.assert_allclose(predictor.predict(query), alone.predict(query), rtol=1e-10)
    assert together[4].model_ is None


def test_more_targets_than_gpytorch_factorises_by_default_stay_exact(observe):
    """Above 800 gpytorch turns to conjugate gradients unless told otherwise."""
    train, query = observe(900), observe(5, seed=6)
    predictor = GaussianProcess(steps=0, variance=1.0, lengthscale=2.0, noise=0.1).fit(train)
    z = (train.targets - predictor.scale_.mean) / predictor.scale_.std
    distances = squared_distances(np.concatenate([train.encode("adjacency"), query.encode("adjacency")]))
    kernel = np.exp(-distances / 8.0)
    expected = kernel[900:, :900] @ np.linalg.solve(kernel[:900, :900] + 0.1 * np.eye(900), z)
    scores = (predictor.predict(query) - predictor.scale_.mean) / predictor.scale_.std
    np.testing.assert_allclose(scores, expected, rtol=1e-8)


def test_query_larger_than_a_block(observe):
    predictor = GaussianProcess(steps=0).fit(observe(10))
    query = observe(5000, seed=6)
    mean, std = predictor.predict_distribution(query)
    small = observe(5000, seed=6).codes[4000:4010]
    part = predictor.predict_distribution(type(query)(query.space, query.dataset, small))
    np.testing.assert_allclose(mean[4000:4010], part[0], rtol=1e-10)
    np.testing.assert_allclose(std[4000:4010], part[1], rtol=1e-10)


def test_duplicate_cells_without_noise_still_fit(observe):
    train = observe(6)
    twice = type(train)(train.space, train.dataset, np.tile(train.codes, (2, 1)), np.tile(train.targets, 2))
    predictor = GaussianProcess(noise=1e-6, steps=5).fit(twice)
    np.testing.assert_allclose(predictor.predict(train), train.targets, atol=0.01)

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from predictors.model_based.bayes_lin_reg import BayesianLinearRegression, Evidence

SHAPES = [(12, 5), (5, 12), (6, 6)]


def problem(n, d, seed=0):
    rng = np.random.default_rng(seed)
    phi = (rng.random((n, d)) < 0.4).astype(float)
    phi[:, -1] = 1.0
    return phi, rng.normal(size=n)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 100.0), (0.03, 0.7), (20.0, 2.0)])
def test_evidence_is_the_density_of_the_targets(shape, alpha, beta):
    """Integrating the weights out gives y ~ N(0, Phi Phi^T / alpha + I / beta)."""
    phi, y = problem(*shape)
    covariance = phi @ phi.T / alpha + np.eye(len(y)) / beta
    expected = multivariate_normal(np.zeros(len(y)), covariance).logpdf(y)
    value, _ = Evidence(phi, y).value_and_gradient(np.log(alpha), np.log(beta))
    assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_is_that_of_the_evidence(shape):
    evidence = Evidence(*problem(*shape))
    logs, step = np.array([0.3, 1.1]), 1e-5
    _, gradient = evidence.value_and_gradient(*logs)
    for axis in range(2):
        move = step * np.eye(2)[axis]
        high, low = (evidence.value_and_gradient(*(logs + sign * move))[0] for sign in (1, -1))
        assert gradient[axis] == pytest.approx((high - low) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_posterior_is_that_of_the_textbook(shape):
    phi, y = problem(*shape)
    alpha, beta = 0.7, 3.0
    a = alpha * np.eye(phi.shape[1]) + beta * phi.T @ phi
    posterior = Evidence(phi, y).posterior(alpha, beta)
    np.testing.assert_allclose(posterior.weights, beta * np.linalg.solve(a, phi.T @ y), atol=1e-12)


def test_prediction_and_variance_are_those_of_the_textbook(observe):
    train, query = observe(20), observe(15, seed=8)
    predictor = BayesianLinearRegression(optimise=False, alpha=0.5, beta=4.0).fit(train)
    phi = np.c_[train.encode("adjacency"), np.ones(20)]
    z = (train.targets - train.targets.mean()) / train.targets.std()
    a = 0.5 * np.eye(31) + 4.0 * phi.T @ phi
    where = np.c_[query.encode("adjacency"), np.ones(15)]
    expected = where @ (4.0 * np.linalg.solve(a, phi.T @ z))
    variance = 1 / 4.0 + np.einsum("nd,dn->n", where, np.linalg.solve(a, where.T))
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, train.targets.mean() + train.targets.std() * expected, rtol=1e-12)
    np.testing.assert_allclose(std, train.targets.std() * np.sqrt(variance), rtol=1e-10)
    assert np.array_equal(mean, predictor.predict(query))


def test_precisions_maximise_evidence_times_prior(observe):
    train = observe(40)
    predictor = BayesianLinearRegression().fit(train)
    z = (train.targets - predictor.scale_.mean) / predictor.scale_.std
    evidence = Evidence(np.c_[train.encode("adjacency"), np.ones(40)], z)

    def objective(log_alpha, log_beta):
        return evidence.value_and_gradient(log_alpha, log_beta)[0] - 0.5 * (log_alpha**2 + log_beta**2)

    best = np.log([predictor.model_.alpha, predictor.model_.beta])
    grid = [objective(a, b) for a in np.linspace(-5, 5, 41) for b in np.linspace(-5, 7, 49)]
    assert objective(*best) >= max(grid)
    for move in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
        assert objective(*best) > objective(*(best + move))


def test_little_noise_means_high_noise_precision(observe):
    precise = BayesianLinearRegression().fit(observe(200, noise=0.01)).model_.beta
    noisy = BayesianLinearRegression().fit(observe(200, noise=2.0)).model_.beta
    assert precise > 10 * noisy

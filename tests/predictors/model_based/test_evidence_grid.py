import numpy as np
import pytest

from predictors.model_based import evidence_grid
from predictors.model_based.bayes_lin_reg import Evidence
from predictors.model_based.evidence_grid import integrate, log_posterior, posterior_grid


def problem(n, features, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    phi = np.tanh(rng.normal(size=(n, features)))
    y = phi @ rng.normal(size=features) + noise * rng.normal(size=n)
    return phi, (y - y.mean()) / y.std(), np.tanh(rng.normal(size=(7, features)))


@pytest.mark.parametrize(("n", "features"), [(30, 5), (6, 12)])
def test_log_posterior_is_evidence_and_prior(n, features):
    phi, y, _ = problem(n, features)
    evidence = Evidence(phi, y)
    rng = np.random.default_rng(1)
    logs = rng.normal(scale=2.0, size=(2, 4, 3))
    values = log_posterior(evidence, *logs)
    expected = [
        evidence.value_and_gradient(a, b)[0] - 0.5 * (a**2 + b**2)
        for a, b in zip(logs[0].ravel(), logs[1].ravel(), strict=True)
    ]
    differences = values.ravel() - np.array(expected)
    np.testing.assert_allclose(differences, differences[0], atol=1e-9)


def metropolis(evidence, steps, seed):
    """Random walk over (ln alpha, ln beta), as long as it takes."""
    rng = np.random.default_rng(seed)
    state = np.array([0.0, 2.0])
    value = log_posterior(evidence, *state)
    chain = np.empty((steps, 2))
    moves, uniform = rng.normal(scale=0.5, size=(steps, 2)), np.log(rng.random(steps))
    for step in range(steps):
        proposal = state + moves[step]
        proposed = log_posterior(evidence, *proposal)
        if uniform[step] < proposed - value:
            state, value = proposal, proposed
        chain[step] = state
    return chain[steps // 10 :]


@pytest.mark.parametrize(("n", "features"), [(40, 6), (8, 20)])
def test_predictions_are_those_of_a_long_markov_chain(n, features):
    phi, y, query = problem(n, features)
    evidence = Evidence(phi, y)
    mean, std = integrate(evidence).predict(query)
    chain = np.exp(metropolis(evidence, 12_000, seed=2)[::20])
    means, variances = [], []
    for alpha, beta in chain:
        precision = alpha * np.eye(features) + beta * phi.T @ phi
        means.append(query @ np.linalg.solve(precision, beta * phi.T @ y))
        variances.append(1 / beta + np.einsum("nd,dn->n", query, np.linalg.solve(precision, query.T)))
    total = np.mean(variances, axis=0) + np.var(means, axis=0)
    np.testing.assert_allclose(mean, np.mean(means, axis=0), atol=0.02)
    np.testing.assert_allclose(std, np.sqrt(total), rtol=0.05)


@pytest.mark.parametrize(("n", "noise"), [(3, 0.3), (30, 0.0), (30, 3.0), (1000, 0.1)])
def test_a_finer_grid_gives_the_same(n, noise, monkeypatch):
    phi, y, query = problem(n, 8, noise)
    coarse = integrate(Evidence(phi, y)).predict(query)
    monkeypatch.setattr(evidence_grid, "POINTS", 129)
    fine = integrate(Evidence(phi, y)).predict(query)
    np.testing.assert_allclose(coarse[0], fine[0], atol=1e-5)
    np.testing.assert_allclose(coarse[1], fine[1], rtol=1e-4)


def test_weights_sum_to_one_and_fade_at_the_edges():
    phi, y, _ = problem(20, 5)
    log_alpha, log_beta, weight = posterior_grid(Evidence(phi, y))
    assert weight.sum() == pytest.approx(1.0)
    edge = (log_alpha == log_alpha.min()) | (log_alpha == log_alpha.max())
    edge |= (log_beta == log_beta.min()) | (log_beta == log_beta.max())
    assert weight[edge].max() < 1e-6 * weight.max()


def test_evidence_that_is_not_finite_is_an_error():
    phi, y, _ = problem(5, 3)
    evidence = Evidence(phi, y)
    evidence.outside = np.inf
    with pytest.raises(FloatingPointError, match="not finite"):
        integrate(evidence)

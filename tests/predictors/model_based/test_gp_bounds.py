"""The objectives of the sparse processes against dense algebra, automatic differentiation and gpytorch."""

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import InducingPointKernel, RBFKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ZeroMean
from gpytorch.variational import CholeskyVariationalDistribution, VariationalStrategy

from predictors.model_based.gp_collapsed import CollapsedBound
from predictors.model_based.gp_inducing import JITTER, InducingKernel
from predictors.model_based.gp_training import log_prior
from predictors.model_based.gp_uncollapsed import UncollapsedBound, spread_factor

MODELS, POINTS, FEATURES = 3, 4, 5
SIZES, COUNTS = (12, 7, 9), (4, 2, 3)
SMALL = 1e-9  # gpytorch adds its jitter to the architectures as well


def data():
    rng = np.random.default_rng(0)
    xs = [(rng.random((n, FEATURES)) < 0.5).astype(float) for n in SIZES]
    return xs, [rng.normal(size=n) for n in SIZES]


def parameters():
    """Of three models with 4, 2 and 3 inducing points; the rest is padding as training starts it."""
    rng = np.random.default_rng(1)
    inducing, mean = np.zeros((MODELS, POINTS, FEATURES)), np.zeros((MODELS, POINTS))
    spread = np.zeros((MODELS, POINTS, POINTS))
    for model, count in enumerate(COUNTS):
        inducing[model, :count] = rng.normal(size=(count, FEATURES))
        mean[model, :count] = rng.normal(size=count)
        spread[model, :count, :count] = 0.4 * rng.normal(size=(count, count))
    logs = np.log([[5.0, 10.0, 1.0], [0.8, 1.7, 0.2], [2.0, 0.9, 0.05]])
    named = {"logs": logs, "inducing": inducing, "mean": mean, "spread": spread}
    return {name: torch.tensor(value) for name, value in named.items()}


def one_model(values, model):
    """The same parameters without padding, ready for automatic differentiation."""
    count = COUNTS[model]
    cut = {
        "logs": values["logs"][model],
        "inducing": values["inducing"][model, :count],
        "mean": values["mean"][model, :count],
        "spread": values["spread"][model, :count, :count],
    }
    return {name: value.clone().requires_grad_() for name, value in cut.items()}


def rbf(a, b, logs):
    squares = ((a[:, None, :] - b[None, :, :]) ** 2).sum(dim=2)
    return logs[0].exp() * torch.exp(-squares / (2.0 * logs[1].exp() ** 2))


def dense(x, y, values, objective):
    """The objective of one model, from the formulas of the papers with full covariance matrices."""
    x, y, logs, z = torch.tensor(x), torch.tensor(y), values["logs"], values["inducing"]
    n, m, (variance, _, noise) = len(y), len(z), logs.exp()
    among = rbf(z, z, logs) + JITTER * variance * torch.eye(m)
    across = rbf(z, x, logs)
    explained = across.T @ torch.linalg.solve(among, across)
    prior = log_prior(logs[None])[0]
    if objective == "collapsed":
        normal = torch.distributions.MultivariateNormal(
            torch.zeros(n).double(), explained + noise * torch.eye(n)
        )
        return normal.log_prob(y) - (n * variance - explained.trace()) / (2 * noise) + prior
    # q(u) = N(L mean, L S L^T) in full.
    root = torch.linalg.cholesky(among)
    factor = spread_factor(values["spread"][None])[0]
    covariance = root @ factor @ factor.T @ root.T
    projection = torch.linalg.solve(among, across)
    f = projection.T @ (root @ values["mean"])
    v = variance - explained.diagonal() + (projection.T @ covariance @ projection).diagonal()
    if objective == "predictive":
        scores = torch.distributions.Normal(f, (v + noise).sqrt()).log_prob(y).sum()
    else:
        scores = torch.distributions.Normal(f, noise.sqrt()).log_prob(y).sum() - v.sum() / (2 * noise)
    q = torch.distributions.MultivariateNormal(root @ values["mean"], covariance)
    p = torch.distributions.MultivariateNormal(torch.zeros(m).double(), among)
    return scores - torch.distributions.kl_divergence(q, p) + prior


def ours(objective, kernel):
    return CollapsedBound(kernel) if objective == "collapsed" else UncollapsedBound(kernel, objective)


@pytest.mark.parametrize("objective", ["collapsed", "predictive", "elbo"])
def test_value_and_gradient_are_those_of_dense_matrices(objective):
    xs, ys = data()
    values = parameters()
    bound = ours(objective, InducingKernel(xs, ys, COUNTS))
    value, gradients = bound.value(values), bound.gradient(values)
    assert set(gradients) == (set(values) if objective != "collapsed" else {"logs", "inducing"})
    for model, count in enumerate(COUNTS):
        single = one_model(values, model)
        expected = dense(xs[model], ys[model], single, objective)
        expected.backward()
        assert value[model].item() == pytest.approx(expected.item(), rel=1e-7)
        for name, gradient in gradients.items():
            wanted = single[name].grad
            if name == "logs":
                found = gradient[model]
            elif name == "spread":
                found, wanted = gradient[model, :count, :count], wanted.tril()
            else:
                found = gradient[model, :count]
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("objective", ["collapsed", "predictive", "elbo"])
def test_padding_stays_where_it_is(objective):
    xs, ys = data()
    gradients = ours(objective, InducingKernel(xs, ys, COUNTS)).gradient(parameters())
    for model, count in enumerate(COUNTS):
        for name, gradient in gradients.items():
            if name == "spread":
                outside = torch.cat((gradient[model, count:].flatten(), gradient[model, :, count:].flatten()))
            elif name != "logs":
                outside = gradient[model, count:]
            else:
                continue
            np.testing.assert_allclose(outside, 0.0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("objective", ["collapsed", "predictive", "elbo"])
def test_posterior_predicts_what_the_objective_is_about(objective):
    xs, ys = data()
    values = parameters()
    weights, known = ours(objective, InducingKernel(xs, ys, COUNTS)).posterior(values)
    for model, count in enumerate(COUNTS):
        single = {name: value.detach() for name, value in one_model(values, model).items()}
        logs, z, x = single["logs"], single["inducing"], torch.tensor(xs[model])
        variance, _, noise = logs.exp()
        query = torch.tensor(np.random.default_rng(3).normal(size=(6, FEATURES)))
        among = rbf(z, z, logs) + JITTER * variance * torch.eye(count)
        if objective == "collapsed":
            # Titsias, equation 6.
            across = rbf(z, x, logs)
            system = torch.linalg.inv(among + across @ across.T / noise)
            mean = system @ across @ torch.tensor(ys[model]) / noise
            inner = torch.linalg.inv(among) - system
        else:
            root, factor = torch.linalg.cholesky(among), spread_factor(single["spread"][None])[0]
            mean = torch.linalg.solve(among, root @ single["mean"])
            inverse = torch.linalg.inv(among)
            inner = inverse - inverse @ root @ factor @ factor.T @ root.T @ inverse
        k = rbf(query, z, logs)
        np.testing.assert_allclose(k @ weights[model, :count], k @ mean, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            (k @ known[model, :count, :count] * k).sum(dim=1),
            (k @ inner * k).sum(dim=1),
            rtol=1e-5,
            atol=1e-8,
        )


def scaled_rbf(logs):
    kernel = ScaleKernel(RBFKernel()).double()
    kernel.outputscale, kernel.base_kernel.lengthscale = logs[0].exp(), logs[1].exp()
    return kernel


def noisy(logs):
    likelihood = GaussianLikelihood().double()
    likelihood.noise = logs[2].exp()
    return likelihood


class Collapsed(gpytorch.models.ExactGP):
    def __init__(self, x, y, logs, z):
        super().__init__(x, y, noisy(logs))
        self.mean_module = ZeroMean()
        self.covar_module = InducingPointKernel(scaled_rbf(logs), z, self.likelihood)

    def forward(self, x):
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))


class Uncollapsed(gpytorch.models.ApproximateGP):
    def __init__(self, values):
        logs, z = values["logs"], values["inducing"]
        distribution = CholeskyVariationalDistribution(len(z))
        jitter = SMALL * float(logs[0].exp())
        super().__init__(VariationalStrategy(self, z, distribution, jitter_val=jitter))
        self.double()
        self.mean_module, self.covar_module = ZeroMean(), scaled_rbf(logs)
        self.variational_strategy.variational_params_initialized.fill_(1)
        distribution.variational_mean.data = values["mean"].clone()
        distribution.chol_variational_covar.data = spread_factor(values["spread"][None])[0]

    def forward(self, x):
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))


def test_collapsed_bound_is_that_of_gpytorch():
    """Which adds no jitter to inducing points that are apart."""
    xs, ys = data()
    values = parameters()
    value = CollapsedBound(InducingKernel(xs, ys, COUNTS, jitter=0.0)).value(values)
    for model in range(1, MODELS):  # the first has so long a lengthscale that gpytorch needs jitter
        single = {name: part.detach() for name, part in one_model(values, model).items()}
        x, y = torch.tensor(xs[model]), torch.tensor(ys[model])
        theirs = Collapsed(x, y, single["logs"], single["inducing"])
        theirs.train()
        objective = gpytorch.mlls.ExactMarginalLogLikelihood(theirs.likelihood, theirs)
        expected = objective(theirs(x), y) * len(y) + log_prior(single["logs"][None])[0]
        assert value[model].item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("objective", "theirs"),
    [("elbo", gpytorch.mlls.VariationalELBO), ("predictive", gpytorch.mlls.PredictiveLogLikelihood)],
)
def test_uncollapsed_objectives_are_those_of_gpytorch(objective, theirs):
    xs, ys = data()
    values = parameters()
    value = UncollapsedBound(InducingKernel(xs, ys, COUNTS, jitter=SMALL), objective).value(values)
    for model in range(MODELS):
        single = {name: part.detach() for name, part in one_model(values, model).items()}
        x, y = torch.tensor(xs[model]), torch.tensor(ys[model])
        process = Uncollapsed(single)
        process.train()
        measure = theirs(noisy(single["logs"]), process, num_data=len(y))
        expected = measure(process(x), y) * len(y) + log_prior(single["logs"][None])[0]
        assert value[model].item() == pytest.approx(expected.item(), rel=1e-6)


def test_inducing_points_that_coincide_need_no_more_than_the_jitter():
    xs, ys = data()
    values = parameters()
    values["inducing"][:] = values["inducing"][:, :1]
    for objective in ("collapsed", "predictive", "elbo"):
        gradients = ours(objective, InducingKernel(xs, ys, COUNTS)).gradient(values)
        assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


def test_covariance_that_is_not_positive_definite_is_a_clear_error():
    xs, ys = data()
    values = parameters()
    values["inducing"][:] = values["inducing"][:, :1]
    values["logs"][0, 0] = np.nan
    with pytest.raises(
        np.linalg.LinAlgError, match="covariance of 4 inducing points is not positive definite"
    ):
        CollapsedBound(InducingKernel(xs, ys, COUNTS)).gradient(values)

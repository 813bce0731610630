"""The Gaussian process as a gpytorch model. Imports torch and gpytorch."""

from __future__ import annotations

from typing import Any

import gpytorch
import numpy as np
import torch
from gpytorch.constraints import Positive
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import RBFKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ZeroMean
from gpytorch.priors import LogNormalPrior

from predictors.model_based.gp_training import Floats, Hyperparameters

_BLOCK = 2000
"""Architectures per call, so that a large query does not make a large covariance matrix."""


def _positive() -> Positive:
    """Return the constraint whose raw parameter is the logarithm."""
    return Positive(transform=torch.exp, inv_transform=torch.log)


def _double(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


class ExactModel(gpytorch.models.ExactGP):  # type: ignore[misc]
    """Zero mean, scaled RBF kernel with one lengthscale, Gaussian noise; float64.

    Args:
        x: Encoded training architectures, shape (n, features).
        z: Standardised targets, shape (n,).
        hyperparameters: Values in force.
    """

    def __init__(self, x: Floats, z: Floats, hyperparameters: Hyperparameters) -> None:
        # torch reads arrays without copying and warns of those that are read-only.
        inputs, targets = torch.tensor(x), torch.tensor(z)
        super().__init__(inputs, targets, GaussianLikelihood(noise_constraint=_positive()))
        self.mean_module = ZeroMean()
        self.covar_module = ScaleKernel(
            RBFKernel(lengthscale_prior=LogNormalPrior(0.0, 1.0), lengthscale_constraint=_positive()),
            outputscale_prior=LogNormalPrior(0.0, 1.0),
            outputscale_constraint=_positive(),
        )
        self.double()
        # As tensors: gpytorch turns numbers into single precision.
        self.covar_module.outputscale = _double(hyperparameters.variance)
        self.covar_module.base_kernel.lengthscale = _double(hyperparameters.lengthscale)
        self.likelihood.noise = _double(hyperparameters.noise)

    def forward(self, x: torch.Tensor) -> MultivariateNormal:
        """Return the prior at ``x``, shape (m, features)."""
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))

    def posterior(self, query: Floats, *, variance: bool) -> tuple[Floats, Floats | None]:
        """Return predictive mean and, if asked for, variance (noise included), shape (m,).

        Only the diagonal of the covariance is ever computed.
        """
        self.eval()
        size = len(self.train_targets) + min(_BLOCK, len(query))
        blocks: list[Any] = []
        with (
            torch.no_grad(),
            gpytorch.settings.debug(state=False),  # it warns if training architectures are queried
            gpytorch.settings.max_cholesky_size(size),  # exact at any size, no conjugate gradients
            gpytorch.settings.skip_posterior_variances(state=not variance),
        ):
            for start in range(0, len(query), _BLOCK):
                out = self(torch.tensor(query[start : start + _BLOCK]))
                blocks.append((out.mean, self.likelihood(out).variance if variance else out.mean))
        means = np.concatenate([mean.numpy() for mean, _ in blocks])
        return means, np.concatenate([spread.numpy() for _, spread in blocks]) if variance else None

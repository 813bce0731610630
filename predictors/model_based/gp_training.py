"""Hyperparameters of exact Gaussian processes by gradient ascent, with gradients in closed form.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.30, 5.8, 5.9.
Many processes are trained as one program: matrices are stacked, and smaller training sets are padded
with architectures that have no covariance with any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from predictors.device import tensor_device
from predictors.model_based.gp_algebra import Solutions, solve
from predictors.model_based.neural.adam import Adam
from predictors.model_based.neural.stack import Stack

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]

FAR = 1e300
"""Squared distance of padding from everything, itself included: a kernel value of zero."""

_LOG_2_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Of k(a, b) = variance exp(-|a - b|^2 / (2 lengthscale^2)) with noise on the diagonal.

    Attributes:
        variance: Of the function.
        lengthscale: In units of the encoding.
        noise: Variance of the noise.
    """

    variance: float
    lengthscale: float
    noise: float

    @property
    def logs(self) -> Floats:
        """Logarithms, shape (3,)."""
        return np.log([self.variance, self.lengthscale, self.noise])


class Objective(Protocol):
    """What is maximised for M models at once."""

    def gradient(self, parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return, per parameter, the gradient of each model's own value."""


def maximise(objective: Objective, stack: Stack, *, steps: int, learning_rate: float) -> None:
    """Move the parameters of the stack uphill by ``steps`` of Adam."""
    import torch

    adam = Adam(stack, learning_rate=learning_rate)
    for _ in range(steps):
        for name, gradient in objective.gradient(stack.values).items():
            torch.neg(gradient, out=stack.gradients[name])
        adam.step()


def train_exact(
    distances: Sequence[Floats],
    targets: Sequence[Floats],
    start: Hyperparameters,
    *,
    steps: int,
    learning_rate: float,
) -> list[Hyperparameters]:
    """Return the hyperparameters of each model after ``steps`` of Adam on its log posterior.

    Args:
        distances: Per model, squared distances between its training architectures, shape (n, n).
        targets: Per model, standardised, shape (n,).
        start: Values at which all of them start.
        steps: Number of steps.
        learning_rate: Of Adam, on logarithms.

    Raises:
        numpy.linalg.LinAlgError: A covariance matrix cannot be factorised.
    """
    import torch

    stack = Stack([{"logs": start.logs}] * len(targets), dtype=torch.float64)
    posterior = LogPosterior(distances, targets)
    maximise(posterior, stack, steps=steps, learning_rate=learning_rate)
    posterior.gradient(stack.values)  # for the jitter that the last values take
    trained = stack.values["logs"].exp()
    trained[:, 2] += posterior.jitter
    return [Hyperparameters(*values) for values in trained.tolist()]


class LogPosterior:
    """Log marginal likelihoods + log prior densities of variance and lengthscale.

    Both priors are LogNormal(0, 1), as densities of the quantities themselves; the noise has none.

    Args:
        distances: Per model, squared distances between its training architectures, shape (n, n).
        targets: Per model, shape (n,).
        device: Where to compute; default ``tensor_device``.
    """

    def __init__(
        self, distances: Sequence[Floats], targets: Sequence[Floats], device: str | None = None
    ) -> None:
        import torch

        sizes = [len(one) for one in targets]
        models, n = len(sizes), max(sizes)
        padded = np.full((models, n, n), FAR)
        z, real = np.zeros((models, n)), np.zeros((models, n))
        for index, size in enumerate(sizes):
            padded[index, :size, :size] = distances[index]
            z[index, :size], real[index, :size] = targets[index], 1.0
        self._distances, self._targets, self._real, self._sizes = (
            torch.from_numpy(array).to(device or tensor_device())
            for array in (padded, z, real, np.array(sizes, dtype=float))
        )
        self._signal, self._inverse = torch.empty_like(self._distances), torch.empty_like(self._distances)
        self.jitter = torch.zeros_like(self._sizes)

    def value(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the log posteriors, shape (M,); arguments and errors as for ``gradient``."""
        logs = parameters["logs"]
        solved, noise = self._solve(logs.exp()), logs[:, 2].exp()
        # Padding has nothing but noise on the diagonal, and targets of zero.
        padding = (self._targets.shape[1] - self._sizes) * (noise + solved.jitter).log()
        fit = (self._targets * solved.weights).sum(dim=1)
        likelihood = -0.5 * (fit + solved.log_determinant - padding + self._sizes * _LOG_2_PI)
        return likelihood + log_prior(logs)

    def gradient(self, parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the gradients of the log posteriors; leaves the jitter in ``jitter``.

        Args:
            parameters: ``logs``: ln variance, ln lengthscale, ln noise; shape (M, 3).

        Raises:
            numpy.linalg.LinAlgError: A covariance matrix cannot be factorised.
        """
        import torch

        logs = parameters["logs"]
        values = logs.exp()
        solved = self._solve(values)
        signal, inverse, weights, noise = self._signal, self._inverse, solved.weights, values[:, 2]
        self.jitter = solved.jitter
        trace = torch.linalg.vecdot(inverse.diagonal(dim1=1, dim2=2), self._real)
        # dL/dt = 1/2 (w^T dK w - tr(K^-1 dK)). By variance, dK is the signal = K - noise I; by
        # lengthscale, signal times squared distance / lengthscale^2, which is 0 on the diagonal.
        by_variance = _forms(signal, weights) - self._sizes + (noise + self.jitter) * trace
        signal.mul_(self._distances)
        halves = torch.linalg.vecdot(inverse.flatten(1), signal.flatten(1))
        by_lengthscale = (_forms(signal, weights) - 2.0 * halves) * values[:, 1].pow(-2)
        by_noise = noise * (torch.linalg.vecdot(weights, weights) - trace)
        gradient = torch.stack((by_variance, by_lengthscale, by_noise), dim=1).mul_(0.5)
        add_prior(gradient, logs)
        return {"logs": gradient}

    def _solve(self, values: torch.Tensor) -> Solutions:
        """Fill signal and inverse for variance, lengthscale and noise, shape (M, 3)."""
        import torch

        variance, lengthscale, noise = values.unbind(dim=1)
        signal = self._signal
        torch.mul(self._distances, lengthscale.pow(-2).mul(-0.5)[:, None, None], out=signal)
        signal.exp_().mul_(variance[:, None, None])
        return solve(signal, noise, self._targets, self._inverse)


def log_prior(logs: torch.Tensor) -> torch.Tensor:
    """Return the log densities of variance and lengthscale, shape (M,); ``logs`` of shape (M, 3)."""
    # ln LogNormal(t; 0, 1) = -ln t - (ln t)^2 / 2 + constant.
    return (-logs[:, :2] - 0.5 * logs[:, :2] ** 2 - 0.5 * _LOG_2_PI).sum(dim=1)


def add_prior(gradient: torch.Tensor, logs: torch.Tensor) -> None:
    """Add the gradient of ``log_prior``; both of shape (M, 3)."""
    gradient[:, :2].sub_(logs[:, :2]).sub_(1.0)


def squared_distances(x: Floats) -> Floats:
    """Return squared Euclidean distances of the rows of ``x``, shape (n, n)."""
    norms = np.einsum("nd,nd->n", x, x)
    # Exact for zeros and ones; rounding may leave tiny negative numbers otherwise.
    distances = np.maximum(norms[:, None] + norms[None, :] - 2.0 * (x @ x.T), 0.0)
    np.fill_diagonal(distances, 0.0)
    return np.asarray(distances)


def _forms(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return v^T A v of each pair, shape (M,)."""
    import torch

    # A row times a matrix: the other way round takes five times as long for stacks.
    forms: torch.Tensor = torch.linalg.vecdot(torch.bmm(vectors[:, None, :], matrices)[:, 0, :], vectors)
    return forms

"""Hyperparameters of an exact Gaussian process by gradient ascent, with gradients in closed form.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.30, 5.8, 5.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Floats = NDArray[np.float64]

JITTERS = (0.0, 1e-8, 1e-6, 1e-4)
"""Added to the diagonal in turn, as shares of variance + noise, until the matrix factorises."""


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


class LogPosterior:
    """Log marginal likelihood + log prior densities of variance and lengthscale.

    Both priors are LogNormal(0, 1), as densities of the quantities themselves; the noise has none.

    Args:
        squared_distances: Between training architectures, shape (n, n).
        targets: Shape (n,).
    """

    def __init__(self, squared_distances: Floats, targets: Floats) -> None:
        self.squared_distances = squared_distances
        self.targets = targets

    def value_and_gradient(self, logs: Floats) -> tuple[float, Floats]:
        """Return the value and its gradient.

        Args:
            logs: ln variance, ln lengthscale, ln noise.

        Raises:
            numpy.linalg.LinAlgError: The covariance matrix cannot be factorised.
        """
        variance, lengthscale, noise = np.exp(logs)
        signal = rbf(self.squared_distances, variance, lengthscale)
        factor, jitter = factorise(signal, noise)
        weights, _ = lapack.dpotrs(factor, self.targets, lower=1)
        log_determinant = 2.0 * np.sum(np.log(np.diagonal(factor)))
        # Lower triangle of K^-1; the rest of the factor is zero and stays so.
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
        trace = np.trace(inverse)
        n = len(self.targets)
        likelihood = -0.5 * (self.targets @ weights + log_determinant + n * np.log(2 * np.pi))
        # dL/dt = 1/2 (w^T dK w - tr(K^-1 dK)). By variance, dK is the signal = K - noise I; by
        # lengthscale, signal times squared distance / lengthscale^2, which is 0 on the diagonal.
        by_variance = weights @ signal @ weights - n + (noise + jitter) * trace
        signal *= self.squared_distances
        by_lengthscale = weights @ signal @ weights - 2.0 * np.vdot(inverse.ravel("K"), signal.ravel("K"))
        by_noise = noise * (weights @ weights - trace)
        gradient = 0.5 * np.array([by_variance, by_lengthscale / lengthscale**2, by_noise])
        # ln LogNormal(t; 0, 1) = -ln t - (ln t)^2 / 2 + constant.
        prior = -logs[:2] - 0.5 * logs[:2] ** 2 - 0.5 * np.log(2 * np.pi)
        gradient[:2] -= 1.0 + logs[:2]
        return float(likelihood + np.sum(prior)), gradient


def factorise(signal: Floats, noise: float) -> tuple[Floats, float]:
    """Return the lower Cholesky factor of signal + noise I, and the jitter that it took.

    Raises:
        numpy.linalg.LinAlgError: No jitter of the ladder is enough.
    """
    scale = signal[0, 0] + noise
    for share in JITTERS:
        jitter = share * scale
        covariance = signal.copy(order="F")
        covariance[np.diag_indices_from(covariance)] += noise + jitter
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1, overwrite_a=1)
        if info == 0 and np.all(np.isfinite(np.diagonal(factor))):
            return factor, jitter
    raise np.linalg.LinAlgError(
        f"covariance of {len(signal)} architectures (variance {signal[0, 0]:.3g}, noise {noise:.3g}) is "
        f"not positive definite, even with {JITTERS[-1]:g} of its diagonal added"
    )


def maximise(posterior: LogPosterior, start: Hyperparameters, *, steps: int, learning_rate: float) -> Floats:
    """Return ln variance, ln lengthscale, ln noise after ``steps`` of Adam.

    Kingma and Ba, "Adam", ICLR 2015, algorithm 1 with its own constants.
    """
    logs = np.log([start.variance, start.lengthscale, start.noise])
    mean, square = np.zeros(3), np.zeros(3)
    for step in range(1, steps + 1):
        _, gradient = posterior.value_and_gradient(logs)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = mean / (1 - 0.9**step)
        logs = logs + learning_rate * corrected / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return cast(Floats, logs)


def rbf(squared_distances: Floats, variance: float, lengthscale: float) -> Floats:
    """Return the kernel matrix without noise, shape (n, n)."""
    kernel = squared_distances * (-0.5 / lengthscale**2)
    np.exp(kernel, out=kernel)
    kernel *= variance
    return kernel


def squared_distances(x: Floats) -> Floats:
    """Return squared Euclidean distances of the rows of ``x``, shape (n, n), in Fortran order.

    LAPACK works in that order; elementwise functions keep it, which saves copies.
    """
    norms = np.einsum("nd,nd->n", x, x)
    # Exact for zeros and ones; rounding may leave tiny negative numbers otherwise.
    distances = np.maximum(norms[:, None] + norms[None, :] - 2.0 * (x @ x.T), 0.0)
    np.fill_diagonal(distances, 0.0)
    return np.asfortranarray(distances)

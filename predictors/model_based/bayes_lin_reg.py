"""Bayesian linear regression with precisions chosen by the evidence.

Bishop, "Pattern Recognition and Machine Learning", 2006, sections 3.3 to 3.5.

Differences from NASLib (through pybnn 0.0.5), each a correction. Targets are standardised. The
evidence has squared norms of residuals and weights (there unsquared), the logarithm of the prior
density of the precisions (there the density itself), and its noise precision is used as a precision
(there the noise variance takes its place after the optimisation). The optimiser starts at the
nominal precisions, not at random. One singular value decomposition serves every evaluation of the
evidence, in place of a determinant and an inverse each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy.linalg import svd
from scipy.optimize import minimize

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.parameters import Range

_LOG_BOUND = 20.0
"""Precisions stay within exp(-20) and exp(20)."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """Normal posterior of the weights.

    Attributes:
        weights: Posterior mean, shape (D,); the last one belongs to the constant feature.
        directions: Right singular vectors of the design matrix, shape (r, D).
        variances: Posterior variance along each of them, shape (r,).
        alpha: Precision of the prior on the weights.
        beta: Precision of the noise.
    """

    weights: Floats
    directions: Floats
    variances: Floats
    alpha: float
    beta: float


class Evidence:
    """Log marginal likelihood of targets under weights ~ N(0, 1/alpha), noise ~ N(0, 1/beta).

    Bishop (3.86): D/2 ln alpha + N/2 ln beta - beta/2 |y - Phi m|^2 - alpha/2 |m|^2 - 1/2 ln |A|
    - N/2 ln 2 pi, with A = alpha I + beta Phi^T Phi and m = beta A^-1 Phi^T y. In the basis of the
    singular vectors of Phi each term is a sum over singular values.

    Args:
        phi: Design matrix, shape (N, D).
        y: Targets, shape (N,).
    """

    def __init__(self, phi: Floats, y: Floats) -> None:
        left, self.singular, self.directions = svd(phi, full_matrices=False)
        self.count, self.features = phi.shape
        self.projected = left.T @ y
        # What no weights can explain.
        self.outside = float(np.sum((y - left @ self.projected) ** 2))

    def value_and_gradient(self, log_alpha: float, log_beta: float) -> tuple[float, Floats]:
        """Return the log evidence and its gradient in (ln alpha, ln beta)."""
        alpha, beta = np.exp(log_alpha), np.exp(log_beta)
        curvature = alpha + beta * self.singular**2
        residual = self.outside + np.sum((alpha / curvature * self.projected) ** 2)
        norm = np.sum((beta * self.singular / curvature * self.projected) ** 2)
        # Directions that the data do not reach have curvature alpha.
        unreached = self.features - len(self.singular)
        value = 0.5 * (
            self.features * log_alpha
            + self.count * (log_beta - np.log(2 * np.pi))
            - beta * residual
            - alpha * norm
            - np.sum(np.log(curvature))
            - unreached * log_alpha
        )
        effective = np.sum(beta * self.singular**2 / curvature)
        # m is stationary, so only the explicit dependence counts (Bishop, 3.92 and 3.95).
        gradient = 0.5 * np.array([effective - alpha * norm, self.count - beta * residual - effective])
        return float(value), gradient

    def posterior(self, alpha: float, beta: float) -> Posterior:
        """Return the posterior of the weights under given precisions."""
        curvature = alpha + beta * self.singular**2
        weights = (beta * self.singular / curvature * self.projected) @ self.directions
        return Posterior(weights, self.directions, 1.0 / curvature, alpha, beta)


class BayesianLinearRegression(EncodedRegressor[Posterior]):
    """Linear regression on [encoding, 1]; both precisions maximise evidence x prior.

    The prior on the logarithm of each precision is N(0, 1).

    Args:
        encoding: Encoding of the architectures.
        alpha: Precision of the weights at which the optimiser starts (used as it is without one).
        beta: Precision of the noise, likewise; targets are standardised.
        optimise: Whether precisions are optimised.
        seed: Without effect.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        alpha: Annotated[float, Range(1e-8, 1e8)] = 1.0,
        beta: Annotated[float, Range(1e-8, 1e8)] = 100.0,
        optimise: bool = True,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.alpha = alpha
        self.beta = beta
        self.optimise = optimise
        self.seed = seed

    def _fit_model(self, x: Floats, z: Floats) -> Posterior:
        evidence = Evidence(_with_constant(x), z)
        if not self.optimise:
            return evidence.posterior(self.alpha, self.beta)

        def loss(logs: Floats) -> tuple[float, Floats]:
            value, gradient = evidence.value_and_gradient(logs[0], logs[1])
            return 0.5 * float(logs @ logs) - value, logs - gradient

        start = np.log([self.alpha, self.beta])
        result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-_LOG_BOUND, _LOG_BOUND)] * 2)
        if not np.all(np.isfinite(result.x)):
            raise FloatingPointError(f"evidence of the linear regression is not finite: {result.message}")
        alpha, beta = np.exp(result.x)
        return evidence.posterior(float(alpha), float(beta))

    def _predict_model(self, model: Posterior, x: Floats) -> Floats:
        # Not BLAS: equal rows must give equal scores, or ties would be broken by rounding.
        return np.asarray(np.einsum("md,d->m", _with_constant(x), model.weights))

    def _predict_model_distribution(self, model: Posterior, x: Floats) -> tuple[Floats, Floats]:
        phi = _with_constant(x)
        along = phi @ model.directions.T
        outside = phi - along @ model.directions
        variance = 1.0 / model.beta + along**2 @ model.variances + np.sum(outside**2, axis=1) / model.alpha
        return self._predict_model(model, x), np.sqrt(variance)


def _with_constant(x: Floats) -> Floats:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)

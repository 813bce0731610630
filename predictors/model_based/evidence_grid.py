"""Bayesian linear regression with both precisions integrated out on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.model_based.bayes_lin_reg import Evidence
from predictors.model_based.encoded import Floats

POINTS = 33
"""Of the grid in each direction."""

BOUND = 20.0
"""The grid lies within +-BOUND in ln alpha and ln beta."""

_ZOOMS, _DEPTH = 8, 16.0
"""Rounds of narrowing at most; log density below the maximum at which the posterior is cut off."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Predictive distribution of regressions weighted by the posterior of their precisions.

    Attributes:
        directions: Right singular vectors of the design matrix, shape (r, D).
        mean: Posterior mean of the weights along each direction, shape (r,).
        covariance: Covariance of the weights along the directions, shape (r, r): expected posterior
            variance, and covariance of posterior means.
        outside: Expected variance along a direction that the data do not reach.
        noise: Expected variance of the noise.
    """

    directions: Floats
    mean: Floats
    covariance: Floats
    outside: float
    noise: float

    def predict(self, phi: Floats) -> tuple[Floats, Floats]:
        """Return predictive mean and standard deviation for rows of a design matrix."""
        along = phi @ self.directions.T
        beyond = np.sum((phi - along @ self.directions) ** 2, axis=1)
        variance = self.noise + np.einsum("nr,rs,ns->n", along, self.covariance, along)
        return along @ self.mean, np.sqrt(variance + self.outside * beyond)


def log_posterior(evidence: Evidence, log_alpha: Floats, log_beta: Floats) -> Floats:
    """Return log evidence + log prior, up to a constant, at points of one shape.

    The prior on the logarithm of each precision is N(0, 1).
    """
    alpha, beta = np.exp(log_alpha)[..., None], np.exp(log_beta)[..., None]
    curvature = alpha + beta * evidence.singular**2
    residual = evidence.outside + np.sum((alpha / curvature * evidence.projected) ** 2, axis=-1)
    norm = np.sum((beta * evidence.singular / curvature * evidence.projected) ** 2, axis=-1)
    # Directions that the data do not reach have curvature alpha, which cancels their part of D.
    return np.asarray(
        0.5
        * (
            len(evidence.singular) * log_alpha
            + evidence.count * log_beta
            - beta[..., 0] * residual
            - alpha[..., 0] * norm
            - np.sum(np.log(curvature), axis=-1)
            - log_alpha**2
            - log_beta**2
        )
    )


def posterior_grid(evidence: Evidence) -> tuple[Floats, Floats, Floats]:
    """Return ln alpha, ln beta and weights (sum 1) of a grid that covers the posterior.

    The rectangle narrows to where the density is within exp(-16) of its maximum. On a smooth density
    that has faded at the edges, equal spacing converges faster than any power of the spacing.

    Raises:
        FloatingPointError: The evidence is not finite.
    """
    low, high = np.full(2, -BOUND), np.full(2, BOUND)
    for _ in range(_ZOOMS):
        axes = [np.linspace(low[axis], high[axis], POINTS) for axis in range(2)]
        log_alpha, log_beta = np.meshgrid(*axes, indexing="ij")
        value = log_posterior(evidence, log_alpha, log_beta)
        if not np.all(np.isfinite(value)):
            raise FloatingPointError("evidence of the linear regression on the last layer is not finite")
        kept = np.argwhere(value > value.max() - _DEPTH)
        first, last = kept.min(axis=0), kept.max(axis=0)
        step = (high - low) / (POINTS - 1)
        narrow_low = np.maximum(low + (first - 1) * step, low)
        narrow_high = np.minimum(low + (last + 1) * step, high)
        if np.all(narrow_high - narrow_low > 0.8 * (high - low)):
            break
        low, high = narrow_low, narrow_high
    weight = np.exp(value - value.max())
    return log_alpha.ravel(), log_beta.ravel(), (weight / weight.sum()).ravel()


def integrate(evidence: Evidence) -> Mixture:
    """Return the predictive distribution, averaged over the posterior of the precisions."""
    log_alpha, log_beta, weight = posterior_grid(evidence)
    alpha, beta = np.exp(log_alpha)[:, None], np.exp(log_beta)[:, None]
    curvature = alpha + beta * evidence.singular**2
    means = beta * evidence.singular / curvature * evidence.projected
    mean = weight @ means
    centred = means - mean
    covariance = (centred * weight[:, None]).T @ centred
    covariance[np.diag_indices_from(covariance)] += weight @ (1.0 / curvature)
    return Mixture(
        evidence.directions,
        mean,
        covariance,
        float(weight @ (1.0 / alpha[:, 0])),
        float(weight @ (1.0 / beta[:, 0])),
    )

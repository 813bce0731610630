"""Importance sampling around the particles of a posterior, for many posteriors at once.

Cappe et al., "Population Monte Carlo", JCGS 2004: new points are drawn from a mixture of Student t
kernels around given ones, and weighted by posterior over mixture. Points and weights that are not
quite those of the posterior become unbiased ones, evidence included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from predictors.learning_curve.families import Floats
from predictors.learning_curve.tempering import covariance_root, resample

WIDTH = 0.3
"""Width of a kernel in standard deviations of the posterior."""

_POWER = 4
"""Of the kernels: the degrees of freedom are 8 minus the number of parameters, at least 4."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Weighted samples of A posteriors.

    Attributes:
        points: Shape (A, M, size).
        weights: Shape (A, M); each row sums to 1, or is zero where no point has any density.
        log_evidence: Shape (A,).
    """

    points: Floats
    weights: Floats
    log_evidence: Floats


def refine(
    log_likelihood: Callable[[Floats, NDArray[np.intp]], Floats],
    particles: Floats,
    *,
    points: int,
    rounds: int,
    rng: np.random.Generator,
) -> Weighted:
    """Return weighted samples of posteriors under a standard normal prior.

    Args:
        log_likelihood: As for ``tempering.sample``.
        particles: Points that lie about where the posterior does, shape (A, N, size), size <= 4.
        points: Number M of new points, of each posterior.
        rounds: How often this is done, each time around a resample of the last points.
        rng: Source of the random numbers, which are the same for all posteriors.
    """
    everyone = np.arange(len(particles))
    count = particles.shape[1]
    for number in range(rounds):
        proposed, log_proposal = _propose(particles, points, rng)
        density = log_likelihood(proposed, everyone) + _log_prior(proposed) - log_proposal
        density = np.where(np.isfinite(density), density, -np.inf)
        top = density.max(axis=1, keepdims=True)
        shares = np.exp(density - np.where(np.isfinite(top), top, 0.0))
        total = shares.sum(axis=1, keepdims=True)
        if number < rounds - 1:
            chosen = resample(np.where(total > 0, shares, 1.0), float(rng.uniform()), count)
            particles = proposed[everyone[:, None], chosen]
    with np.errstate(divide="ignore"):
        log_evidence = top[:, 0] + np.log(total[:, 0] / points)
    return Weighted(proposed, shares / np.where(total > 0, total, 1.0), log_evidence)


def _propose(particles: Floats, points: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return points (A, M, size) around the particles and the log density they are drawn from."""
    count, size = particles.shape[1:]
    degrees = 2 * _POWER - size
    root = WIDTH * covariance_root(particles)
    normal = rng.normal(size=(points, size))
    normal /= np.sqrt(rng.chisquare(degrees, size=(points, 1)) / degrees)
    centre = particles.mean(axis=1, keepdims=True)
    inverse = np.linalg.inv(root).transpose(0, 2, 1)
    # In units of the kernel, where the distances are those of round kernels.
    around = (particles - centre) @ inverse
    drawn = around[:, np.arange(points) * count // points] + normal
    squares = (drawn**2).sum(axis=-1)[:, :, None] + (around**2).sum(axis=-1)[:, None]
    squares -= 2.0 * drawn @ around.transpose(0, 2, 1)
    kernel = 1.0 + np.maximum(squares, 0.0) / degrees
    kernel *= kernel
    kernel *= kernel
    constant = lgamma(_POWER) - lgamma(degrees / 2) - 0.5 * size * log(degrees * pi)
    volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    log_density = np.log((1.0 / kernel).mean(axis=2)) + constant - volume[:, None]
    return centre + drawn @ root.transpose(0, 2, 1), log_density


def _log_prior(z: Floats) -> Floats:
    squares: Floats = (z**2).sum(axis=-1)
    density: Floats = -0.5 * (squares + z.shape[-1] * log(2 * pi))
    return density

"""Sequential Monte Carlo from the prior to the posterior of one family, for many curves at once.

Del Moral, Doucet and Jasra, "Sequential Monte Carlo Samplers", JRSS B 2006: particles start as draws
of the prior; the weight of the likelihood rises in stages, each as large as the particles bear;
after each stage they are resampled and moved by random-walk Metropolis steps with their own
covariance. Nothing has to be known of the shape of the posterior, which for one or two epochs is
close to the prior and for many a narrow bent valley, and the evidence comes with the samples.

All curves use the same random numbers: what is sampled for one does not depend on the others, and
the noise of sampling is much the same for all, so that it disturbs their order less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.learning_curve.families import Floats

SURVIVORS = 0.5
"""Effective share of the particles that a stage must leave."""

MAX_STAGES = 100
_ACCEPTANCE = 0.3
_SMALLEST_RISE = 1e-6
_HALVINGS = 10
"""Of the logarithm of a rise: to a few parts in a hundred, which is enough."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """Samples of A posteriors.

    Attributes:
        particles: Equally weighted samples, shape (A, N, size).
        log_evidence: Logarithm of the mean of the likelihood over the prior, shape (A,).
        reached: Whether the likelihood got its full weight, shape (A,).
    """

    particles: Floats
    log_evidence: Floats
    reached: NDArray[np.bool_]


def sample(
    log_likelihood: Callable[[Floats, NDArray[np.intp]], Floats],
    count: int,
    size: int,
    *,
    particles: int,
    moves: int,
    rng: np.random.Generator,
) -> Posterior:
    """Return samples of the posteriors under a standard normal prior.

    Args:
        log_likelihood: Maps parameters (a, N, size) and the numbers (a,) of the curves that they
            belong to, to log likelihoods (a, N).
        count: Number A of curves.
        size: Number of parameters.
        particles: Number N of samples of each.
        moves: Metropolis steps after each stage; twice as many after the last.
        rng: Source of the random numbers.
    """
    z = np.repeat(rng.normal(size=(1, particles, size)), count, axis=0)
    evidence, weight = np.zeros(count), np.zeros(count)
    active = np.arange(count)
    likelihood = log_likelihood(z, active)
    step = np.full(count, 2.38 / np.sqrt(size))
    for _ in range(MAX_STAGES):
        if not active.size:
            break
        rise = _rise(likelihood[active], 1.0 - weight[active])
        scaled = rise[:, None] * likelihood[active]
        top = scaled.max(axis=1, keepdims=True)
        shares = np.exp(scaled - top)
        evidence[active] += top[:, 0] + np.log(shares.mean(axis=1))
        weight[active] += rise
        chosen = resample(shares, float(rng.uniform()), particles)
        rows = np.arange(len(active))[:, None]
        now, value = z[active][rows, chosen], likelihood[active][rows, chosen]
        root = covariance_root(now)
        normal = rng.normal(size=(2 * moves, particles, size))
        log_uniform = -rng.exponential(size=(2 * moves, particles))
        last = weight[active] >= 1.0
        for move in range(2 * moves):
            if move == moves and not last.any():
                break
            at = slice(None) if move < moves else np.flatnonzero(last)
            members = active[at]
            ahead = now[at] + step[members][:, None, None] * (normal[move] @ root[at].transpose(0, 2, 1))
            new = log_likelihood(ahead, members)
            gain = weight[members][:, None] * (new - value[at])
            gain -= 0.5 * ((ahead**2).sum(axis=-1) - (now[at] ** 2).sum(axis=-1))
            take = gain > log_uniform[move]
            now[at] = np.where(take[..., None], ahead, now[at])
            value[at] = np.where(take, new, value[at])
            step[members] *= np.exp(take.mean(axis=1) - _ACCEPTANCE)
        z[active], likelihood[active] = now, value
        active = active[~last]
    return Posterior(z, evidence, weight >= 1.0)


def _rise(likelihood: Floats, left: Floats) -> Floats:
    """Return by how much the weight of the likelihood may rise, at most ``left``, for each curve."""

    def survivors(rise: Floats) -> Floats:
        scaled = rise[:, None] * likelihood
        shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        effective: Floats = shares.sum(axis=1) ** 2 / (shares**2).sum(axis=1)
        share: Floats = effective / likelihood.shape[1]
        return share

    low, high = _SMALLEST_RISE * left, left.copy()
    whole = survivors(high) >= SURVIVORS
    for _ in range(0 if whole.all() else _HALVINGS):
        middle = np.sqrt(low * high)
        enough = survivors(middle) >= SURVIVORS
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.where(whole, left, low)


def resample(shares: Floats, offset: float, count: int) -> NDArray[np.intp]:
    """Return systematic draws (a, count) of particles in proportion to their shares (a, N)."""
    sums = np.cumsum(shares, axis=1)
    sums /= sums[:, -1:]
    # All rows as one rising sequence, row r in (r, r + 1].
    rows = np.arange(len(shares))[:, None]
    wanted = (np.arange(count) + offset) / count
    found = np.searchsorted((sums + rows).ravel(), (wanted + rows).ravel()).reshape(len(shares), count)
    chosen: NDArray[np.intp] = found - rows * shares.shape[1]
    return np.clip(chosen, 0, shares.shape[1] - 1)


def covariance_root(z: Floats) -> Floats:
    """Return the Cholesky factor of each curve's covariance of particles (a, N, size)."""
    centred = z - z.mean(axis=1, keepdims=True)
    covariance: NDArray[Any] = centred.transpose(0, 2, 1) @ centred / z.shape[1]
    scale = np.trace(covariance, axis1=1, axis2=2) / z.shape[2]
    jitter = (1e-6 * scale + 1e-12)[:, None, None] * np.eye(z.shape[2])
    factor: Floats = np.linalg.cholesky(covariance + jitter)
    return factor

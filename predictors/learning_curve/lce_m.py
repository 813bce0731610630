"""Extrapolation of learning curves by a weighted sum of families, sampled by an ensemble of walkers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from predictors.learning_curve.ensemble import walk
from predictors.learning_curve.extrapolation import ExtrapolatedCurve
from predictors.learning_curve.families import STUDY_FAMILIES, Family, Floats
from predictors.learning_curve.observed import Curves
from predictors.learning_curve.tempering import sample
from predictors.parameters import Range
from tasks.seeds import generator

_MOVES = 2
_NNLS_STEPS = 200
_SMALLEST_WEIGHT = 0.02
_WEIGHT_SPREAD = 0.3
_LEAST_ACCEPTED = 0.01
_BURN_IN = 0.5

_SIZES = [family.size for family in STUDY_FAMILIES]
_SPLIT = np.cumsum(_SIZES)
_SIZE = int(_SPLIT[-1]) + len(_SIZES)


class EnsembleExtrapolation(ExtrapolatedCurve):
    """LCE-m: the posterior mean of the final accuracy under a weighted sum of four families.

    The curve model that Klein, Falkner, Springenberg and Hutter, "Learning Curve Prediction with
    Bayesian Neural Networks", ICLR 2017, compare with, in the form of White et al., NeurIPS 2021: log
    log linear, log power, MMF and Hill3; every walker starts with curves that fit by themselves and
    weights by non-negative least squares; an affine-invariant ensemble then samples all parameters
    and the weights (positive, of sum 1). Every family rises and ends between 0 and 100 by its
    parametrisation, see ``families``. The study starts in a ball of 1e-6 and takes 800 steps, 500 of
    them to leave it.

    Args:
        noise: Scale of the noise of an accuracy in points, before any is seen; the posterior adapts it.
        pairs: Half the number of walkers.
        steps: Moves of every walker; the first half is forgotten.
        seed: Seed of the sampler.
    """

    def __init__(
        self,
        *,
        noise: Annotated[float, Range(0.001, 10.0)] = 0.1,
        pairs: Annotated[int, Range(16, 1000)] = 25,
        steps: Annotated[int, Range(10, 100_000)] = 300,
        seed: int = 0,
    ) -> None:
        self.noise = noise
        self.pairs = pairs
        self.steps = steps
        self.seed = seed

    def _posterior(self, curves: Curves) -> tuple[Floats, Floats]:
        walkers = self._start(curves)
        kept, accepted = walk(
            lambda z: _log_density(z, curves),
            walkers,
            steps=self.steps,
            burn_in=int(_BURN_IN * self.steps),
            rng=generator("lce_m", self.seed, "walk"),
        )
        fitted = [_sum(z, curves) for z in kept]
        ends = np.concatenate([part[..., -1] for part in fitted], axis=1)
        noise = np.concatenate([curves.noise_variance(part) for part in fitted], axis=1)
        stuck = accepted < _LEAST_ACCEPTED
        mean: Floats = np.where(stuck, np.nan, ends.mean(axis=1))
        variance: Floats = ends.var(axis=1) + noise.mean(axis=1)
        return mean, variance

    def _start(self, curves: Curves) -> Floats:
        """Return walkers (A, W, size): samples of each family's own posterior, and weights."""
        count = 2 * self.pairs
        own = [self._own_posterior(family, curves, count) for family in STUDY_FAMILIES]
        members = np.stack(
            [family.curves(z, curves.grid) for family, z in zip(STUDY_FAMILIES, own, strict=True)], axis=2
        )
        squares = ((members[..., :-1] - curves.values[:, None, None]) ** 2) @ curves.counts
        best = squares.argmin(axis=1)
        rows, columns = np.arange(len(curves))[:, None], np.arange(len(_SIZES))
        weights = _least_squares(members[rows, best, columns], curves)
        logits = np.log(np.maximum(weights, _SMALLEST_WEIGHT))
        logits -= logits.mean(axis=1, keepdims=True)
        noise = _WEIGHT_SPREAD * generator("lce_m", self.seed, "weights").normal(size=(count, len(_SIZES)))
        return np.concatenate([*own, logits[:, None] + noise], axis=2)

    def _own_posterior(self, family: Family, curves: Curves, count: int) -> Floats:
        # One generator per family: how often it is asked depends on the curves.
        rng = generator("lce_m", self.seed, family.name)
        order = rng.permutation(count)

        def log_likelihood(z: Floats, rows: NDArray[np.intp]) -> Floats:
            return curves.take(rows).log_likelihood(family.curves(z, curves.grid))

        found = sample(log_likelihood, len(curves), family.size, particles=count, moves=_MOVES, rng=rng)
        return found.particles[:, order]


def _weights(z: Floats) -> Floats:
    raised = np.exp(z[..., _SPLIT[-1] :])
    total: Floats = raised.sum(axis=-1, keepdims=True)
    return raised / total


def _sum(z: Floats, curves: Curves) -> Floats:
    """Return the weighted sums (A, W, m) of the families' curves."""
    weights = _weights(z)
    parts = np.split(z[..., : _SPLIT[-1]], _SPLIT[:-1], axis=-1)
    total = np.zeros((*z.shape[:-1], len(curves.grid.x)))
    for k, (family, part) in enumerate(zip(STUDY_FAMILIES, parts, strict=True)):
        total += weights[..., k, None] * family.curves(part, curves.grid)
    return total


def _log_density(z: Floats, curves: Curves) -> Floats:
    density = curves.log_likelihood(_sum(z, curves)) - 0.5 * (z**2).sum(axis=-1)
    return np.where(np.isfinite(density), density, -np.inf)


def _least_squares(members: Floats, curves: Curves) -> Floats:
    """Return non-negative weights (A, families) of sum 1 that fit best.

    By the multiplicative updates of Lee and Seung, NIPS 2000.
    """
    fitted = members[..., :-1] * np.sqrt(curves.counts)
    wanted = curves.values * np.sqrt(curves.counts)
    gram = fitted @ fitted.transpose(0, 2, 1)
    target = (fitted @ wanted[..., None])[..., 0]
    weights = np.full(target.shape, 1.0 / target.shape[1])
    for _ in range(_NNLS_STEPS):
        weights = weights * target / np.maximum((gram @ weights[..., None])[..., 0], 1e-300)
    total: Floats = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1.0 / target.shape[1])

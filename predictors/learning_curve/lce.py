"""Extrapolation of learning curves by the posterior of 11 parametric families."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from predictors.learning_curve.extrapolation import ExtrapolatedCurve
from predictors.learning_curve.families import FAMILIES, Family, Floats
from predictors.learning_curve.importance import refine
from predictors.learning_curve.observed import Curves
from predictors.learning_curve.tempering import sample
from predictors.parameters import Range
from tasks.seeds import generator

_MOVES = 3
_POINTS_PER_PARTICLE = 4


class CurveExtrapolation(ExtrapolatedCurve):
    """LCE: the posterior mean of the final accuracy, over families, their parameters and the noise.

    Families, parameters and noise as in Domhan, Springenberg and Hutter, IJCAI 2015. The weight of a
    family is its posterior probability, all families being equally likely before: a mean over models.
    Domhan et al. give the weights of a sum of all families a posterior of their own, jointly with the
    other parameters. That has 48 dimensions for a handful of points, far more than they determine,
    and no chain of affordable length explores it; here each family has 2 to 4 and is sampled by
    tempering, then importance sampling, which gives its probability too. See ``families`` for the
    priors, by which every curve rises and ends between 0 and 100.

    With one epoch the posterior is the prior given the first value: the final accuracy is anywhere
    between it and 100, and the order is that of the first values. With two or three it is still wide.

    Args:
        noise: Scale of the noise of an accuracy in points, before any is seen; the posterior adapts it.
        particles: Samples per family and architecture.
        seed: Seed of the sampler.
    """

    def __init__(
        self,
        *,
        noise: Annotated[float, Range(0.001, 10.0)] = 0.1,
        particles: Annotated[int, Range(20, 10_000)] = 128,
        seed: int = 0,
    ) -> None:
        self.noise = noise
        self.particles = particles
        self.seed = seed

    def _posterior(self, curves: Curves) -> tuple[Floats, Floats]:
        parts = [self._one_family(family, curves) for family in FAMILIES]
        evidence, mean, square = (np.stack(part) for part in zip(*parts, strict=True))
        shares = np.exp(evidence - evidence.max(axis=0))
        shares /= shares.sum(axis=0)
        total: Floats = (shares * mean).sum(axis=0)
        return total, np.maximum((shares * square).sum(axis=0) - total**2, 0.0)

    def _one_family(self, family: Family, curves: Curves) -> tuple[Floats, Floats, Floats]:
        """Return log evidence, mean and mean square (A,) of the value at the end, noise included."""
        # One generator per stage of the work: how often the first is asked depends on the curves.
        first, second = (generator("lce", self.seed, family.name, stage) for stage in (1, 2))

        def log_likelihood(z: Floats, rows: NDArray[np.intp]) -> Floats:
            return curves.take(rows).log_likelihood(family.curves(z, curves.grid))

        start = sample(
            log_likelihood, len(curves), family.size, particles=self.particles, moves=_MOVES, rng=first
        )
        found = refine(
            log_likelihood,
            start.particles,
            points=_POINTS_PER_PARTICLE * self.particles,
            rounds=1,
            rng=second,
        )
        fitted = family.curves(found.points, curves.grid)
        counted = found.weights > 0  # points without weight may have no finite curve
        ends = np.where(counted, fitted[..., -1], 0.0)
        noise = np.where(counted, curves.noise_variance(fitted), 0.0)
        mean = (found.weights * ends).sum(axis=1)
        square = (found.weights * (ends**2 + noise)).sum(axis=1)
        evidence = np.where(start.reached, found.log_evidence, -np.inf)
        return evidence, mean, square

"""The affine-invariant ensemble sampler on many posteriors at once.

Goodman and Weare, "Ensemble samplers with affine invariance", CAMCoS 2010: a walker moves along the
line through another walker, so that the ensemble adapts to scales and correlations by itself. The
random numbers are the same for all posteriors, see ``tempering``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from predictors.learning_curve.families import Floats

_STRETCH = 2.0


def walk(
    log_density: Callable[[Floats], Floats],
    walkers: Floats,
    *,
    steps: int,
    burn_in: int,
    rng: np.random.Generator,
) -> tuple[list[Floats], NDArray[np.float64]]:
    """Return the ensembles after each step of the second phase, and the share of accepted moves.

    Args:
        log_density: Maps parameters (A, W / 2, size) to log densities (A, W / 2).
        walkers: Where they begin, shape (A, W, size), W even.
        steps: Moves of every walker, burn-in included.
        burn_in: Moves that are forgotten.
        rng: Source of the random numbers.

    Returns:
        ``steps - burn_in`` arrays (A, W, size), and shares of shape (A,).
    """
    half = walkers.shape[1] // 2
    halves = [walkers[:, :half].copy(), walkers[:, half:].copy()]
    values = [log_density(part) for part in halves]
    kept: list[Floats] = []
    accepted = np.zeros(len(walkers))
    for step in range(steps):
        for mine, other in ((0, 1), (1, 0)):
            partner = halves[other][:, rng.permutation(half)]
            stretch = (1.0 + (_STRETCH - 1.0) * rng.uniform(size=half)) ** 2 / _STRETCH
            ahead = partner + stretch[:, None] * (halves[mine] - partner)
            new = log_density(ahead)
            gain = (walkers.shape[2] - 1) * np.log(stretch) + new - values[mine]
            take = gain > -rng.exponential(size=half)
            halves[mine] = np.where(take[..., None], ahead, halves[mine])
            values[mine] = np.where(take, new, values[mine])
            if step >= burn_in:
                accepted += take.mean(axis=1) / (2 * (steps - burn_in))
        if step >= burn_in:
            kept.append(np.concatenate(halves, axis=1))
    return kept, accepted

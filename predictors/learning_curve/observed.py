"""Observed learning curves and the likelihood of Gaussian noise around parametric ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.learning_curve.families import Floats, Grid

NOISE_SHAPE = 1.0
"""Shape of the inverse gamma prior of the noise variance: wide, and proper."""

MAX_POINTS = 24


@dataclass(frozen=True, slots=True)
class Curves:
    """Learning curves of A architectures, as shares of 1.

    The noise variance has an inverse gamma prior and is integrated out in closed form, which leaves
    a Student t likelihood of the residuals.

    Attributes:
        grid: Epochs of the k values, then the last epoch of the training.
        values: Shape (A, k).
        counts: How many epochs each value is the mean of, shape (k,).
        scatter: Sum of squares of the epochs around their means, shape (A,).
        scale: Scale of the noise before any data is seen.
    """

    grid: Grid
    values: Floats
    counts: Floats
    scatter: Floats
    scale: float

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice | NDArray[np.integer[Any]]) -> Curves:
        """Return some of the architectures."""
        return Curves(self.grid, self.values[rows], self.counts, self.scatter[rows], self.scale)

    @property
    def shape(self) -> float:
        """Shape of the posterior of the noise variance."""
        return NOISE_SHAPE + 0.5 * float(self.counts.sum())

    def rate(self, fitted: Floats) -> Floats:
        """Return the rate of the posterior of the noise variance for curves (A, N, k + 1)."""
        residuals = fitted[..., :-1] - self.values[:, None]
        squares = (residuals**2) @ self.counts
        return NOISE_SHAPE * self.scale**2 + 0.5 * (squares + self.scatter[:, None])

    def noise_variance(self, fitted: Floats) -> Floats:
        """Return the posterior mean of the noise variance (A, N) for curves (A, N, k + 1)."""
        return self.rate(fitted) / (self.shape - 1.0)

    def log_likelihood(self, fitted: Floats) -> Floats:
        """Return the log likelihood (A, N), up to a constant, of curves (A, N, k + 1)."""
        return -self.shape * np.log(self.rate(fitted))


def observe(accuracies: Floats, epochs: int, noise: float) -> Curves:
    """Return curves as shares, with at most 24 points.

    The first epochs stand by themselves; of longer curves, runs of later epochs of about equal
    length on the log scale are replaced by their mean at their mean epoch.

    Args:
        accuracies: Percent, shape (A, k), epoch 1 first.
        epochs: Last epoch of the training, at least k.
        noise: Scale of the noise in points.
    """
    values = accuracies / 100.0
    seen = values.shape[1]
    starts = _starts(seen)
    counts = np.diff([*starts, seen])
    every = np.arange(1.0, seen + 1)
    means = np.add.reduceat(values, starts, axis=1) / counts
    x = np.add.reduceat(every, starts) / counts
    # The rise within a run is not noise: the scatter is that around a line through the run.
    away, rest = every - np.repeat(x, counts), values - np.repeat(means, counts, axis=1)
    squares, products = (np.add.reduceat(part, starts, axis=1) for part in (rest**2, rest * away))
    lengths = np.maximum(np.add.reduceat(away**2, starts), 1e-300)
    scatter = np.maximum(squares - products**2 / lengths, 0.0).sum(axis=1)
    grid = Grid(np.append(x, float(epochs)))
    return Curves(grid, means, counts.astype(np.float64), scatter, noise / 100.0)


def _starts(seen: int) -> list[int]:
    """Return where the runs begin."""
    if seen <= MAX_POINTS:
        return list(range(seen))
    edges = np.unique(np.geomspace(1.0, seen + 1.0, 4 * MAX_POINTS).astype(int)) - 1
    while len(edges) - 1 > MAX_POINTS:
        lengths = np.log(edges[2:] + 1.0) - np.log(edges[:-2] + 1.0)
        edges = np.delete(edges, 1 + int(lengths.argmin()))
    return [int(edge) for edge in edges[:-1]]

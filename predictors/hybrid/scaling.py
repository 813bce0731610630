"""Features on a common scale, learned from the training architectures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.extra import ExtraFeatures
from tasks.spaces.base import Codes

Floats = NDArray[np.float64]

_PROXY_BINS = ((10, 2), (20, 3), (40, 4), (80, 6))
"""Training architectures up to which a zero-cost score has so many bins; with more it has 10."""

_MOST_PROXY_BINS = 10
_MOST_CURVE_BINS = 9
_PER_CURVE_BIN = 5

BELOW = 1.0
"""Standard deviations below the worst training architecture at which an undefined score is put."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Shift, scale and bins of k features.

    An undefined score gets a value below all those of the training architectures, since a search would
    never choose what cannot be scored, and a bin of its own. A feature that is the same for all training
    architectures tells nothing: its value is 0 for every architecture.

    Attributes:
        mean: Over the training architectures, undefined scores left out; shape (k,).
        std: Standard deviation (divisor n); 0 for features without information.
        undefined: Standardised value of an undefined score.
        edges: Per feature, values that divide the training architectures into about equal parts.
    """

    mean: Floats
    std: Floats
    undefined: Floats
    edges: tuple[Floats, ...]

    @classmethod
    def of(cls, values: Floats, counts: Sequence[int]) -> Scaling:
        """Learn from training architectures.

        Args:
            values: Shape (n, k), NaN where undefined.
            counts: Bins of each feature, as ``bin_count``; equal values make them fewer.
        """
        columns = [column[~np.isnan(column)] for column in values.T]
        mean, std = np.zeros(len(columns)), np.zeros(len(columns))
        undefined = np.zeros(len(columns))
        for j, column in enumerate(columns):
            # Rounding gives equal values a deviation.
            if column.size and np.ptp(column) > 0.0:
                mean[j], std[j] = column.mean(), column.std()
                undefined[j] = (column.min() - mean[j]) / std[j] - BELOW
        edges = tuple(_edges(column, count) for column, count in zip(columns, counts, strict=True))
        return cls(mean, std, undefined, edges)

    def apply(
        self,
        values: Floats,
        *,
        encoding: bool,
        of_others: Callable[[Codes], ExtraFeatures] | None = None,
    ) -> ExtraFeatures:
        """Return the features of any architectures, scaled.

        Args:
            values: Shape (m, k), NaN where undefined.
            encoding: Passed on.
            of_others: Passed on.
        """
        missing = np.isnan(values)
        known = (self.std > 0.0) & ~missing
        scaled = np.where(known, (values - self.mean) / np.where(self.std > 0.0, self.std, 1.0), 0.0)
        scaled = np.where(missing, self.undefined, scaled)
        bins = np.zeros(values.shape, dtype=np.int64)
        for j, edges in enumerate(self.edges):
            bins[:, j] = np.searchsorted(edges, values[:, j], side="right")
            bins[missing[:, j], j] = len(edges) + 1
        return ExtraFeatures(scaled, bins, tuple(len(edges) + 2 for edges in self.edges), encoding, of_others)


def bin_count(n: int, *, curve: bool) -> int:
    """Return how many bins a feature has after n training architectures, as published.

    Args:
        n: Training architectures.
        curve: Whether it is one of a learning curve; else it is a zero-cost score.
    """
    if curve:
        return max(2, min(_MOST_CURVE_BINS, n // _PER_CURVE_BIN))
    return next((bins for most, bins in _PROXY_BINS if n <= most), _MOST_PROXY_BINS)


def _edges(column: Floats, count: int) -> Floats:
    if column.size == 0:
        return np.zeros(0)
    return np.unique(np.quantile(column, np.arange(1, count) / count))

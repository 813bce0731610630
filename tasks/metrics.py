"""How well predicted scores rank and match measured accuracies.

y are measured accuracies in percent, p predictions, both of shape (m,). An undefined metric is
None, never NaN; each metric is undefined by itself, without blanking the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_PAIRWISE_LIMIT = 1_000
"""Up to this m all pairs are compared as arrays; above it scipy's O(m log m) algorithm is faster."""


def kendall(y: Vector, p: Vector) -> float | None:
    """Kendall's tau-b, ties corrected, in [-1, 1]; None if y or p is constant or not finite."""
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    if y.size > _PAIRWISE_LIMIT:
        from scipy import stats  # slow to import, and rarely needed

        tau = float(stats.kendalltau(y, p).statistic)
        return tau if np.isfinite(tau) else None
    sign_y, sign_p = _pair_signs(y), _pair_signs(p)
    untied_y, untied_p = np.count_nonzero(sign_y), np.count_nonzero(sign_p)
    if untied_y == 0 or untied_p == 0:
        return None
    agreement = int(np.sum(sign_y * sign_p, dtype=np.int64))
    return float(np.clip(agreement / np.sqrt(float(untied_y) * float(untied_p)), -1.0, 1.0))


def _pair_signs(values: Vector) -> NDArray[np.int8]:
    """Sign of v_i - v_j for all ordered pairs; comparisons, so that nothing underflows to a tie."""
    return np.greater.outer(values, values).astype(np.int8) - np.less.outer(values, values).astype(np.int8)


def pearson(y: Vector, p: Vector) -> float | None:
    """Signed Pearson correlation in [-1, 1]; None if y or p is constant or not finite."""
    if y.size < 2 or not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    if np.ptp(y) == 0 or np.ptp(p) == 0:
        return None
    a, b = y - y.mean(), p - p.mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    norm = np.sqrt(np.dot(a, a) * np.dot(b, b))
    return float(np.clip(np.dot(a, b) / norm, -1.0, 1.0)) if norm > 0 else None


def spearman(y: Vector, p: Vector) -> float | None:
    """Pearson correlation of average ranks; None if y or p is constant or not finite."""
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    return pearson(_average_ranks(y), _average_ranks(p))


def _average_ranks(values: Vector) -> Vector:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(np.float64)
    ranks: Vector = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def precision_at(y: Vector, p: Vector, k: int) -> float | None:
    """Share of the k truly best among the k predicted best, in [0, 1].

    The best are those strictly above the (k+1)-th largest value: ties at the border drop out, so
    a score with few different values may reach 0. None if there are not more than k values.
    """
    if k < 1 or y.size <= k or not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    top_y = y > np.partition(y, -(k + 1))[-(k + 1)]
    top_p = p > np.partition(p, -(k + 1))[-(k + 1)]
    return float(np.count_nonzero(top_y & top_p) / k)


def all_metrics(y: Vector, p: Vector, *, percent: bool) -> dict[str, float | None]:
    """Return every metric of the protocol.

    Args:
        y: Measured accuracies in percent, shape (m,).
        p: Predictions, higher is better, shape (m,).
        percent: Whether p is on the scale of y. Only then are mae, rmse and "sparse" Kendall
            (tau-b of y against p rounded to 2 or 1 decimals; only p is rounded) defined.
    """
    usable = percent and bool(np.isfinite(p).all()) and y.size > 0
    return {
        "kendall": kendall(y, p),
        "spearman": spearman(y, p),
        "pearson": pearson(y, p),
        "kendall_2dec": kendall(y, np.round(p, 2)) if usable else None,
        "kendall_1dec": kendall(y, np.round(p, 1)) if usable else None,
        "precision_10": precision_at(y, p, 10),
        "precision_20": precision_at(y, p, 20),
        "precision_1pct": precision_at(y, p, max(1, round(0.01 * y.size))),
        "mae": float(np.mean(np.abs(y - p))) if usable else None,
        "rmse": float(np.sqrt(np.mean((y - p) ** 2))) if usable else None,
    }

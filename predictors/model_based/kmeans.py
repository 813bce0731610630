"""Centres of clusters, as first places of inducing points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAX_ROUNDS = 50


def kmeans(x: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return the centres of ``count`` clusters, or of as many as there are different rows.

    Lloyd's algorithm from the seeding of Arthur and Vassilvitskii, "k-means++: The Advantages of
    Careful Seeding", SODA 2007: each centre is a row drawn with probability proportional to its
    squared distance from the nearest one before.

    Args:
        x: Shape (n, features), n >= 1.
        count: Number of clusters, at least 1.
        rng: Draws the seeds.

    Returns:
        Shape (clusters, features).
    """
    centres = x[[rng.integers(len(x))]]
    nearest = _distances(x, centres)[:, 0]
    while len(centres) < count and nearest.any():
        chosen = x[[rng.choice(len(x), p=nearest / nearest.sum())]]
        centres = np.concatenate([centres, chosen])
        nearest = np.minimum(nearest, _distances(x, chosen)[:, 0])
    cluster = np.full(len(x), -1)
    for _ in range(_MAX_ROUNDS):
        closest = np.argmin(_distances(x, centres), axis=1)
        if np.array_equal(closest, cluster):
            break
        cluster = closest
        member = (cluster == np.arange(len(centres))[:, None]).astype(np.float64)
        size = member.sum(axis=1, keepdims=True)
        # An empty cluster keeps its centre.
        centres = np.where(size > 0, member @ x / np.maximum(size, 1.0), centres)
    return centres


def _distances(x: Floats, centres: Floats) -> Floats:
    """Return squared distances, shape (n, centres); exactly zero from a row to itself."""
    difference = x[:, None, :] - centres[None, :, :]
    return np.asarray(np.einsum("ncd,ncd->nc", difference, difference))

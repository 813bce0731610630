"""A hash of labelled directed acyclic graphs that does not depend on the numbering of vertices.

Weisfeiler-Lehman colour refinement on the part of a cell that lies on paths from input to output:
a vertex starts with its label and degrees and repeatedly takes in the colours of its predecessors
and successors; the hash is the multiset of the final colours. The same idea identifies cells in
Ying et al., "NAS-Bench-101", ICML 2019. Here whole batches are refined at once, with sums of mixed
64-bit integers as multisets, in two independent lanes (128 bits).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint64]

_BATCH_ENTRIES = 2**20
"""Adjacency entries refined at a time, so that they stay in the processor's cache."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LANES = tuple(np.uint64(seed) for seed in (0xD6E8FEB86659FD93, 0xA0761D6478BD642F))


def on_path(adjacency: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which vertices lie on a path from the first to the last one.

    Args:
        adjacency: Upper triangular, shape (n, v, v).

    Returns:
        Shape (n, v); all false in a cell whose output cannot be reached.
    """
    n, v, _ = adjacency.shape
    ahead = np.zeros((n, v), dtype=np.bool_)
    back = np.zeros((n, v), dtype=np.bool_)
    ahead[:, 0] = back[:, -1] = True
    # Arcs go from lower to higher vertices, so one sweep in each direction is enough.
    for vertex in range(1, v):
        ahead[:, vertex] = (adjacency[:, :, vertex] & ahead).any(axis=1)
    for vertex in range(v - 2, -1, -1):
        back[:, vertex] = (adjacency[:, vertex, :] & back).any(axis=1)
    return ahead & back


def label_values(names: Sequence[str]) -> Labels:
    """Return one 64-bit value per label, from its text only, hence equal in every vocabulary."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)


def hash_cells(adjacency: NDArray[np.bool_], labels: Labels) -> list[str]:
    """Return the hash of each cell, 32 hexadecimal digits; equal for isomorphic pruned cells.

    Args:
        adjacency: Upper triangular, shape (n, v, v); the first vertex is the input, the last the
            output. Vertices that are not on a path between them have no effect.
        labels: One value per vertex (``label_values``), shape (n, v).
    """
    n, v = labels.shape
    step = max(1, _BATCH_ENTRIES // (v * v))
    lanes = [
        np.concatenate(
            [_refine(adjacency[i : i + step], labels[i : i + step], lane) for i in range(0, n, step)]
        )
        if n
        else np.empty(0, dtype=np.uint64)
        for lane in _LANES
    ]
    return [f"{high:016x}{low:016x}" for high, low in zip(*(lane.tolist() for lane in lanes), strict=True)]


def _refine(adjacency: NDArray[np.bool_], labels: Labels, lane: np.uint64) -> Labels:
    live = on_path(adjacency)
    arcs = (adjacency & live[:, :, None] & live[:, None, :]).astype(np.uint64)
    colour = mix(labels ^ lane)
    colour = mix(colour + arcs.sum(axis=1))
    colour = mix((colour ^ _GOLDEN) + arcs.sum(axis=2))
    # Colours travel one arc a round; after as many rounds as vertices they have met all others. A
    # cell stops after its own number of them, so that its hash is the same in a larger space.
    rounds = live.sum(axis=1)
    for done in range(labels.shape[1]):
        before = (mix(colour + lane)[:, None, :] @ arcs)[:, 0, :]
        behind = (arcs @ mix(colour - lane)[:, :, None])[:, :, 0]
        colour = np.where((done < rounds)[:, None], mix(mix(colour + before) + behind), colour)
    total = np.where(live, mix(colour ^ _GOLDEN), np.uint64(0)).sum(axis=1, dtype=np.uint64)
    return mix(total + rounds.astype(np.uint64))


def mix(value: Labels) -> Labels:
    """Scramble 64-bit integers (the finaliser of SplitMix64, Steele et al., OOPSLA 2014)."""
    value = value + _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))

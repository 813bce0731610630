"""Adjacency encoding with one-hot operations.

White, Neiswanger, Nolen and Savani, "A Study on Encodings for Neural Architecture Search",
NeurIPS 2020, section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes, EdgeLayout, VertexLayout


def edge_features(layout: EdgeLayout) -> int:
    """Return edges x operations (30 for NAS-Bench-201)."""
    return len(layout.edges) * len(layout.operations)


def encode_edges(layout: EdgeLayout, codes: Codes) -> NDArray[np.float64]:
    """Return one block per edge, in the order of the columns, with a one at its operation."""
    return one_hot(codes, len(layout.operations)).reshape(len(codes), edge_features(layout))


def vertex_features(layout: VertexLayout) -> int:
    """Return the bits of the upper triangle + inner vertices x inner operations.

    21 + 5 x 3 = 36 for cells like those of NAS-Bench-101.
    """
    v = layout.vertices
    return v * (v - 1) // 2 + (v - 2) * (len(layout.operations) - 2)


def encode_vertices(layout: VertexLayout, codes: Codes) -> NDArray[np.float64]:
    """Return the bits row by row, then one block per inner vertex with a one at its operation.

    The block of a vertex that a smaller cell does not have is zero. Input and output have no
    block: their labels never differ.
    """
    bits = layout.vertices * (layout.vertices - 1) // 2
    # Label 0 is the input's and the last one the output's, hence the shift and the smaller count.
    inner = one_hot(codes[:, bits + 1 : -1] - 1, len(layout.operations) - 2)
    width = vertex_features(layout) - bits
    return np.concatenate([codes[:, :bits].astype(np.float64), inner.reshape(len(codes), width)], axis=1)


def one_hot(labels: NDArray[np.integer], classes: int) -> NDArray[np.float64]:
    """Return ``labels`` with one more axis of length ``classes``; other labels give zeros."""
    return np.asarray(labels[..., np.newaxis] == np.arange(classes), dtype=np.float64)

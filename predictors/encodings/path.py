"""Path encoding: which operation sequences lie on a path from input to output.

White, Neiswanger and Savani, "BANANAS", AAAI 2021, section 4. The features are grouped by path
length L; within a group the sequence o_1 ... o_L (from the input on) has the position
sum_j o_j K^(j-1), with K operations.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from predictors.encodings.adjacency import one_hot
from tasks.spaces.base import Codes, EdgeLayout, VertexLayout

MAX_FEATURES = 5000
"""Vertex layouts: longer paths are left out as soon as the features would exceed this number.

This is the truncated path encoding of BANANAS: a long path is rare in a sampled cell, and the
number of sequences grows as K^L."""

_CHUNK_ELEMENTS = 2**24
"""Largest work array of the vertex recursion (float32, so 64 MiB)."""


def edge_features(layout: EdgeLayout) -> int:
    """Return the number of sequences of every occurring length (5 + 25 + 125 for NAS-Bench-201)."""
    return _edge_offsets(layout)[-1]


def encode_edges(layout: EdgeLayout, codes: Codes) -> NDArray[np.float64]:
    """Return a one for the operation sequence of each path of the fixed wiring.

    Paths of equal length share a block, so a cell has at most as many ones as the wiring has paths.
    Every operation counts, one that carries nothing (``none``) too.
    """
    base = len(layout.operations)
    offsets = _edge_offsets(layout)
    features = np.zeros((len(codes), offsets[-1]), dtype=np.float64)
    rows = np.arange(len(codes))
    for columns in _edge_paths(layout):
        weights = base ** np.arange(len(columns), dtype=np.int64)
        position = codes[:, columns].astype(np.int64) @ weights
        features[rows, offsets[len(columns) - 1] + position] = 1.0
    return features


@cache
def _edge_paths(layout: EdgeLayout) -> tuple[tuple[int, ...], ...]:
    """Return the paths from the first to the last node as columns of the codes, shortest first."""
    output = max(target for _, target in layout.edges)
    paths: list[tuple[int, ...]] = []
    open_paths: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    while open_paths:
        node, columns = open_paths.pop(0)
        if node == output:
            paths.append(columns)
            continue
        for column, (source, target) in enumerate(layout.edges):
            if source == node:
                open_paths.append((target, (*columns, column)))
    return tuple(sorted(paths, key=lambda columns: (len(columns), columns)))


@cache
def _edge_offsets(layout: EdgeLayout) -> tuple[int, ...]:
    """Return where the block of length 1, 2, ... begins, then the number of features."""
    lengths = {len(columns) for columns in _edge_paths(layout)}
    sizes = [
        len(layout.operations) ** length if length in lengths else 0 for length in range(1, max(lengths) + 1)
    ]
    return (0, *(int(end) for end in np.cumsum(sizes)))


def vertex_path_length(layout: VertexLayout) -> int:
    """Return the largest number of inner vertices on an encoded path.

    All of them if that gives at most ``MAX_FEATURES`` features, else the most that do.
    """
    inner_operations, length, features = len(layout.operations) - 2, 0, 1
    while length < layout.vertices - 2 and features + inner_operations ** (length + 1) <= MAX_FEATURES:
        length += 1
        features += inner_operations**length
    return length


def vertex_features(layout: VertexLayout) -> int:
    """Return the number of sequences of length 0 to ``vertex_path_length``.

    364 = 1 + 3 + 9 + 27 + 81 + 243 for cells like those of NAS-Bench-101.
    """
    inner_operations = len(layout.operations) - 2
    return sum(inner_operations**length for length in range(vertex_path_length(layout) + 1))


def encode_vertices(layout: VertexLayout, codes: Codes) -> NDArray[np.float64]:
    """Return a one for each operation sequence on a path; the first feature is the empty path.

    Only inner vertices count, so the empty path is an arc from the input to the output.
    """
    length = vertex_path_length(layout)
    longest = (len(layout.operations) - 2) ** length
    chunk = max(1, _CHUNK_ELEMENTS // max(1, longest * layout.vertices))
    parts = [
        _encode_chunk(layout, length, codes[start : start + chunk]) for start in range(0, len(codes), chunk)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, vertex_features(layout)))


def _encode_chunk(layout: VertexLayout, length: int, codes: Codes) -> NDArray[np.float64]:
    """Walk all paths of all architectures at once, one vertex further per step.

    ``reached[n, s, v]`` tells whether sequence s of the current length leads from the input to
    vertex v (v's own operation included).
    """
    n, v = len(codes), layout.vertices
    bits = v * (v - 1) // 2
    arcs = np.zeros((n, v, v), dtype=np.float32)
    arcs[:, *np.triu_indices(v, 1)] = codes[:, :bits]
    operation = one_hot(codes[:, bits + 1 : -1] - 1, len(layout.operations) - 2).astype(np.float32)
    reached = np.zeros((n, 1, v), dtype=np.float32)
    reached[:, 0, 0] = 1.0
    found = []
    for step in range(length + 1):
        ahead = np.minimum(reached @ arcs, 1.0)
        found.append(ahead[:, :, -1])
        if step < length:
            # The new operation is the most significant digit: position = o * K^L + s.
            inner = np.einsum("nsv,nvo->nosv", ahead[:, :, 1:-1], operation)
            reached = np.zeros((n, inner.shape[1] * inner.shape[2], v), dtype=np.float32)
            reached[:, :, 1:-1] = inner.reshape(n, -1, v - 2)
    return np.concatenate(found, axis=1).astype(np.float64)

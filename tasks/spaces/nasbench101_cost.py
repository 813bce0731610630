"""Parameters and multiply-adds of NAS-Bench-101 networks, for whole batches of cells.

The channels of the vertices follow section 2 of Ying et al., "NAS-Bench-101", ICML 2019, and the
code released with it. The counting rule for multiply-adds is that of ``nasbench201_cost``:
convolution and linear layers count their multiplications, batch normalisation 2 and ReLU 1 per
element, pooling the area of its window per output element, the final global pooling of a k x k map
(k + 1)^2 per channel; sums and concatenations count nothing.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import DatasetInfo
from tasks.spaces.dataset_facts import known_classes, known_resolution

STACKS = 3
CHANNELS, CELLS = 128, 3
"""Channels of the stem, and cells per stack, of the network that the benchmark trained."""

Counts: TypeAlias = NDArray[np.int64]


def vertex_channels(adjacency: NDArray[np.bool_], channels: int) -> Counts:
    """Return the output channels of each inner vertex, shape (n, v - 2).

    The channels of the cell are split evenly among the vertices that are concatenated into the
    output, the first of them taking one of the remainder each; any other vertex has as many as the
    widest vertex that it feeds. 0 for vertices without arcs, and for vertices that get no channel
    because there are fewer channels than vertices.

    Args:
        adjacency: Upper triangular, shape (n, v, v), arcs on paths from input to output only.
        channels: Output channels of the cell.
    """
    into_output = adjacency[:, 1:-1, -1]
    parts = np.maximum(into_output.sum(axis=1, keepdims=True), 1)
    share, rest = channels // parts, channels % parts
    first = np.cumsum(into_output, axis=1) <= rest
    widths = np.where(into_output, share + first, 0).astype(np.int64)
    inner = adjacency[:, 1:-1, 1:-1]
    # A vertex feeds later ones only, so going backwards meets finished widths.
    for vertex in range(widths.shape[1] - 1, -1, -1):
        widest = np.where(inner[:, vertex], widths, 0).max(axis=1)
        widths[:, vertex] = np.where(into_output[:, vertex], widths[:, vertex], widest)
    return widths


def network_cost(
    adjacency: NDArray[np.bool_],
    kernels: NDArray[np.integer],
    dataset: DatasetInfo,
    *,
    channels: int = CHANNELS,
    cells: int = CELLS,
) -> tuple[Counts, Counts]:
    """Return trainable parameters and multiply-adds of each network, both of shape (n,).

    Args:
        adjacency: Upper triangular, shape (n, v, v), arcs on paths from input to output only.
        kernels: Kernel size of the convolution of each inner vertex, 0 for 3x3 max pooling; shape
            (n, v - 2).
        dataset: Gives classes, resolution in pixels and input channels.
        channels: Channels of the first stack; they double at each of the two reductions.
        cells: Cells per stack.

    Raises:
        InputError: Unknown classes or resolution, or a resolution that is no multiple of 4.
    """
    classes = known_classes(dataset)
    resolution = known_resolution(dataset)
    n = len(adjacency)
    stem = 9 * dataset.channels * channels
    params = np.full(n, stem + 2 * channels, dtype=np.int64)
    flops = np.full(n, (stem + 3 * channels) * resolution**2, dtype=np.int64)
    for stack in range(STACKS):
        wide, area = channels * 2**stack, (resolution // 2**stack) ** 2
        widths = vertex_channels(adjacency, wide)
        if stack:
            flops += 4 * (wide // 2) * area  # 2x2 max pooling, before the channels double
        for cell in range(cells):
            narrow = wide // 2 if stack and cell == 0 else wide
            weights, elements, pooled = _cell(adjacency, kernels, widths, narrow, wide)
            params += weights + 2 * elements
            flops += (weights + 3 * elements + 9 * pooled) * area
    params += wide * classes + classes
    flops += wide * ((resolution // 4 + 1) ** 2 + classes)
    return params, flops


def _cell(
    adjacency: NDArray[np.bool_], kernels: NDArray[np.integer], widths: Counts, narrow: int, wide: int
) -> tuple[Counts, Counts, Counts]:
    """Return convolution weights, and channels that are normalised and that are pooled."""
    from_input = adjacency[:, 0, 1:-1]
    shortcut = adjacency[:, 0, -1].astype(np.int64)
    square = kernels.astype(np.int64) ** 2
    weights = (from_input * narrow * widths + square * widths**2).sum(axis=1) + shortcut * narrow * wide
    elements = ((from_input + (square > 0).astype(np.int64)) * widths).sum(axis=1) + shortcut * wide
    return weights, elements, np.where(square > 0, 0, widths).sum(axis=1)

"""Parameters and multiply-adds of DARTS networks in closed form.

The counting rule for multiply-adds is that of ``nasbench201_cost``: convolution and linear layers
count their multiplications, batch normalisation 2 and ReLU 1 per element, pooling the area of its
window per output element, the final global pooling of a k x k map (k + 1)^2 per channel; sums and
concatenations count nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes, DatasetInfo
from tasks.spaces.darts_parts import (
    AVG_POOL,
    DIL3,
    DIL5,
    INPUTS,
    MAX_POOL,
    NODES,
    OPERATIONS,
    SEP3,
    SEP5,
    SKIP,
    operations,
    predecessors,
)
from tasks.spaces.dataset_facts import known_classes, known_resolution

CHANNELS, CELLS = 32, 8
"""Channels of the nodes in the first cells, and cells, of the networks of NAS-Bench-301."""

STEM = 3
"""Channels of the stem, as a multiple of those of the nodes."""

KERNELS = {SEP3: 3, SEP5: 5, DIL3: 3, DIL5: 5}

Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CellSize:
    """One cell of the network.

    Attributes:
        before_last: Channels of input 0.
        last: Channels of input 1.
        channels: Channels of the cell's nodes.
        reduction: Whether the cell halves height and width.
        after_reduction: Whether the cell before does, so that input 0 is twice as high and wide.
        halvings: How often the image has been halved at the cell's output.
    """

    before_last: int
    last: int
    channels: int
    reduction: bool
    after_reduction: bool
    halvings: int


def cell_sizes(channels: int, cells: int) -> list[CellSize]:
    """Return the cells of a network; those after one and two thirds are reduction cells."""
    sizes: list[CellSize] = []
    before_last = last = STEM * channels
    halvings = 0
    for place in range(cells):
        reduction = place in (cells // 3, 2 * cells // 3)
        halvings += reduction
        width = channels * 2**halvings
        after = bool(sizes) and sizes[-1].reduction
        sizes.append(CellSize(before_last, last, width, reduction, after, halvings))
        before_last, last = last, NODES * width
    return sizes


def network_cost(
    codes: Codes, dataset: DatasetInfo, *, channels: int = CHANNELS, cells: int = CELLS
) -> tuple[Counts, Counts]:
    """Return trainable parameters and multiply-adds of each network, both of shape (n,).

    Args:
        codes: Shape (n, 32).
        dataset: Gives classes, resolution in pixels and input channels.
        channels: Channels of the nodes in the first cells; they double at each of the two reductions.
        cells: Number of cells, at least 3.

    Raises:
        InputError: Unknown classes or resolution, or a resolution that is no multiple of 4.
    """
    classes = known_classes(dataset)
    resolution = known_resolution(dataset)
    normal, reduction, halving = _operation_counts(codes)
    stem = 9 * dataset.channels * STEM * channels
    params = np.full(len(normal), stem + 2 * STEM * channels, dtype=np.int64)
    flops = np.full(len(normal), (stem + 2 * STEM * channels) * resolution**2, dtype=np.int64)
    for size in cell_sizes(channels, cells):
        area = (resolution // 2**size.halvings) ** 2
        wider = 4 * area if size.reduction else area
        fixed_params, fixed_flops = _preparation(size, wider)
        params += fixed_params
        flops += fixed_flops
        one_params, one_flops = _operation_costs(size.channels, area, area)
        if size.reduction:
            half_params, half_flops = _operation_costs(size.channels, area, wider)
            params += reduction @ one_params + halving @ half_params
            flops += reduction @ one_flops + halving @ half_flops
        else:
            params += normal @ one_params
            flops += normal @ one_flops
    width = NODES * size.channels
    params += width * classes + classes
    flops += width * ((resolution // 4 + 1) ** 2 + classes)
    return params, flops


def _operation_counts(codes: Codes) -> tuple[Counts, Counts, Counts]:
    """Return how often each operation is in a cell, three times shape (n, 7).

    In the normal cell; between nodes of the reduction cell; at inputs of the reduction cell, where its
    stride is 2.
    """
    at = operations(codes)[..., None] == np.arange(len(OPERATIONS))
    at_input = (predecessors(codes) < INPUTS)[..., None]
    normal = at[:, 0].sum(axis=(1, 2), dtype=np.int64)
    between = (at & ~at_input)[:, 1].sum(axis=(1, 2), dtype=np.int64)
    halving = (at & at_input)[:, 1].sum(axis=(1, 2), dtype=np.int64)
    return normal, between, halving


def _preparation(size: CellSize, area: int) -> tuple[int, int]:
    """Return the cost of the 1x1 convolutions that bring both inputs to the cell's channels.

    Args:
        size: The cell.
        area: Pixels of the prepared inputs.
    """
    weights = (size.before_last + size.last) * size.channels
    params = weights + 4 * size.channels
    before_area = 4 * area if size.after_reduction else area
    return params, size.before_last * before_area + size.last * area + params * area


def _operation_costs(width: int, area: int, area_before: int) -> tuple[Counts, Counts]:
    """Return parameters and multiply-adds of each operation, both of shape (7,).

    Args:
        width: Channels.
        area: Pixels of the output.
        area_before: Pixels of the input; those of the output unless the stride is 2.
    """
    params, flops = np.zeros((2, len(OPERATIONS)), dtype=np.int64)
    flops[[MAX_POOL, AVG_POOL]] = 9 * width * area
    if area != area_before:
        # Two 1x1 convolutions of half the channels each, and batch normalisation.
        params[SKIP] = width**2 + 2 * width
        flops[SKIP] = width * area_before + params[SKIP] * area
    for code, kernel in KERNELS.items():
        # Depthwise and 1x1 convolution, batch normalisation; separable convolutions have them twice.
        params[code] = kernel**2 * width + width**2 + 2 * width
        flops[code] = width * area_before + params[code] * area
        if code in (SEP3, SEP5):
            flops[code] += (width + params[code]) * area
            params[code] *= 2
    return params, flops

"""Parameters and multiply-adds of NAS-Bench-201 networks in closed form.

Counting rule for multiply-adds, that of the published tables of zero-cost scores (Krishnakumar et
al., "NAS-Bench-Suite-Zero", NeurIPS 2022): a convolution or linear layer counts its
multiplications, batch normalisation 2 and ReLU 1 per element, pooling the area of its window per
output element (9 for the cell's 3x3 pooling). The final global pooling of a k x k map counts
(k + 1)^2 per channel. Sums at the nodes count nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import DatasetInfo
from tasks.spaces.dataset_facts import known_classes, known_resolution

STAGES = 3

Counts = NDArray[np.int64]


def network_cost(
    conv1: Counts, conv3: Counts, pool: Counts, dataset: DatasetInfo, *, channels: int = 16, cells: int = 5
) -> tuple[Counts, Counts]:
    """Return parameters and multiply-adds of networks, both of the shape of the inputs.

    Args:
        conv1: Number of 1x1 convolutions in the cell.
        conv3: Number of 3x3 convolutions in the cell.
        pool: Number of 3x3 poolings in the cell.
        dataset: Gives classes, resolution in pixels and input channels.
        channels: Channels of the first stage; they double at each of the two reductions.
        cells: Cells per stage.

    Raises:
        InputError: Unknown classes or resolution, or a resolution that is no multiple of 4.
    """
    classes = known_classes(dataset)
    resolution = known_resolution(dataset)
    width = [channels * 2**stage for stage in range(STAGES)]
    area = [(resolution // 2**stage) ** 2 for stage in range(STAGES)]

    params = 9 * dataset.channels * channels + 2 * channels
    flops = (9 * dataset.channels * channels + 2 * channels) * area[0]
    for stage in range(1, STAGES):
        narrow, wide = width[stage - 1], width[stage]
        # Two 3x3 convolutions with batch normalisation, and 2x2 pooling with a 1x1 convolution.
        weights = 9 * narrow * wide + 9 * wide * wide + narrow * wide
        params += weights + 4 * wide
        relu = narrow * area[stage - 1] + wide * area[stage]
        flops += relu + (weights + 4 * wide + 4 * narrow) * area[stage]
    last = width[-1]
    params += 2 * last + last * classes + classes
    flops += 3 * last * area[-1] + (resolution // 4 + 1) ** 2 * last + last * classes

    one = cells * sum(w * w + 2 * w for w in width)
    three = cells * sum(9 * w * w + 2 * w for w in width)
    one_flops = cells * sum((w * w + 3 * w) * a for w, a in zip(width, area, strict=True))
    three_flops = cells * sum((9 * w * w + 3 * w) * a for w, a in zip(width, area, strict=True))
    pool_flops = cells * sum(9 * w * a for w, a in zip(width, area, strict=True))
    return (
        params + one * conv1 + three * conv3,
        flops + one_flops * conv1 + three_flops * conv3 + pool_flops * pool,
    )

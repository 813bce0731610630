"""Facts about data sets whose names are well known."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.spaces.base import DatasetInfo

DATASETS: Mapping[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo("cifar10", num_classes=10, resolution=32),
        DatasetInfo("cifar100", num_classes=100, resolution=32),
        DatasetInfo("imagenet16-120", num_classes=120, resolution=16),
    )
}
"""By name. ``imagenet16-120`` is ImageNet scaled to 16 x 16 pixels, its first 120 classes."""

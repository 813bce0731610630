"""What a network must know of its data set, or an error that says what is missing."""

from __future__ import annotations

from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo


def known_classes(dataset: DatasetInfo) -> int:
    """Return the number of classes. Raises InputError if it is unknown."""
    if dataset.num_classes is None or dataset.num_classes < 1:
        raise InputError(
            f"data set {dataset.name!r}: num_classes is {dataset.num_classes}; "
            "a network needs the number of classes, at least 1"
        )
    return dataset.num_classes


def known_resolution(dataset: DatasetInfo) -> int:
    """Return the resolution in pixels. Raises InputError if two halvings do not fit it."""
    resolution = dataset.resolution
    if resolution is None or resolution < 4 or resolution % 4:
        raise InputError(
            f"data set {dataset.name!r}: resolution is {resolution}; counting a network with two "
            "reductions needs a multiple of 4 pixels"
        )
    return resolution

"""From raw images and labels of any source to what networks are trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.training.data import Images, Labels, TrainingData
from tasks.errors import InputError
from tasks.seeds import generator
from tasks.spaces.base import DatasetInfo

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

_CHANNELS = (1, 2, 3, 4)
_SPLIT_SHARE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Raw images and labels of one part of a data set, in any of the accepted shapes."""

    images: NDArray[Any]
    labels: NDArray[Any]


def assemble(recipe: Recipe, where: str, name: str, parts: Mapping[str, Part]) -> TrainingData:
    """Check, split, standardise and cut to the recipe's sizes.

    Without validation (or test) images, a fifth of the training images, drawn with a fixed seed,
    takes their place. Each channel is standardised by the mean and deviation of the training part.

    Args:
        recipe: Gives validation and test sizes.
        where: Begins error messages.
        name: Name of the data set.
        parts: "train", and "val" and "test" where the source has them.

    Raises:
        InputError: Shapes, labels or values that cannot be used.
    """
    ready = {part: _checked(f"{where}: {part}", raw) for part, raw in parts.items()}
    for part in ("val", "test"):
        if part not in ready:
            ready["train"], ready[part] = _split(where, part, *ready["train"])
    train_images, train_labels = ready["train"]
    shape, classes = train_images.shape[1:], int(train_labels.max()) + 1
    for part, (images, labels) in ready.items():
        if images.shape[1:] != shape:
            raise InputError(
                f"{where}: {part} images have the shape {images.shape[1:]}, those of train {shape}"
            )
        if labels.max() >= classes:
            raise InputError(f"{where}: {part} has the label {labels.max()}, train only 0 to {classes - 1}")
    if classes < 2:
        raise InputError(f"{where}: all training labels are 0, at least two classes are needed")
    mean = train_images.mean(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    spread = train_images.std(axis=(0, 2, 3), keepdims=True, dtype=np.float64)
    spread[spread == 0] = 1.0
    sizes = {"train": len(train_labels), "val": recipe.val_size, "test": recipe.test_size}
    arrays: list[Any] = []
    for part in ("train", "val", "test"):
        images, labels = ready[part]
        arrays.append(((images[: sizes[part]] - mean) / spread).astype(np.float32))
        arrays.append(labels[: sizes[part]])
    return TrainingData(DatasetInfo(name, classes, int(shape[1]), int(shape[0])), *arrays)


def _checked(where: str, part: Part) -> tuple[Images, Labels]:
    images, labels = part.images, part.labels
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in _CHANNELS:
        raise InputError(
            f"{where}: images have the shape {part.images.shape}, must be (n, height, width), "
            "(n, height, width, channels) or (n, channels, height, width) with 1 to 4 channels"
        )
    height, width = images.shape[2:]
    if height != width or height < 4 or height % 4:
        raise InputError(
            f"{where}: images of {height} x {width} pixels, must be square, a multiple of 4 pixels"
        )
    if images.dtype.kind not in "uif":
        raise InputError(f"{where}: images have the type {images.dtype}, must be numbers")
    if labels.ndim != 1 or len(labels) != len(images) or not len(labels):
        raise InputError(
            f"{where}: labels have the shape {labels.shape} for {len(images)} images, must be one each"
        )
    if labels.dtype.kind not in "ui" or int(labels.min()) < 0:
        raise InputError(f"{where}: labels must be integers from 0")
    scale = 255.0 if images.dtype.kind in "ui" else 1.0
    floats = np.ascontiguousarray(images, dtype=np.float32) / np.float32(scale)
    if not np.isfinite(floats).all():
        raise InputError(f"{where}: images contain values that are not finite")
    return floats, labels.astype(np.int64)


def _split(
    where: str, part: str, images: Images, labels: Labels
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """Split a fifth off, drawn with a fixed seed."""
    count = int(len(labels) * _SPLIT_SHARE)
    if not count:
        raise InputError(f"{where}: {len(labels)} training images are too few to split a {part} part off")
    order = generator("split", part).permutation(len(labels))
    held, kept = order[:count], np.sort(order[count:])
    return (images[kept], labels[kept]), (images[held], labels[held])

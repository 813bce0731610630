"""The images that networks are scored on, and the mini-batch of each network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from predictors.zero_cost.scoring import MiniBatch
from tasks.errors import InputError
from tasks.seeds import generator
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dataset_facts import known_classes, known_resolution

if TYPE_CHECKING:
    from tasks.benchmarks.training.data import TrainingData

FOLDER_VARIABLE = "NASPRED_IMAGES"
"""Environment variable: the folder in which the folders of official files are."""

AUTO, NOISE, DIGITS = "auto", "noise", "digits"

_DIGIT_PAIRS = 4096
_NOISE_IMAGES = 1024

_forget: list[Callable[[], None]] = []


@dataclass(frozen=True, slots=True, eq=False)
class ImagePool:
    """Training images from which mini-batches are drawn.

    Attributes:
        images: float32, shape (n, channels, height, width), about zero mean and unit variance.
        labels: int64, shape (n,), from 0.
        classes: Number of classes.
        digest: Of the content.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    digest: str

    @classmethod
    def of(cls, images: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> ImagePool:
        """Return a pool with the digest of its content."""
        content = hashlib.sha256(f"{images.shape} {classes}".encode())
        for array in (images, labels):
            content.update(np.ascontiguousarray(array).data)
        return cls(images, labels, classes, content.hexdigest())

    def draw(self, size: int, *key: object) -> MiniBatch:
        """Return images drawn without replacement, not balanced; they depend on ``key`` only.

        Raises:
            InputError: There are fewer than ``size`` images.
        """
        if size > len(self.labels):
            raise InputError(f"batch is {size}, but there are only {len(self.labels)} images")
        chosen = generator("mini-batch", self.digest, *key).choice(len(self.labels), size, replace=False)
        return MiniBatch(self.images[chosen], self.labels[chosen], self.classes)


def is_path(source: str) -> bool:
    """Whether ``load_images`` takes a text for a path, not for a name."""
    return source not in {AUTO, NOISE, DIGITS} and not source.startswith("torchvision:")


def why_not(source: str, dataset: DatasetInfo) -> str:
    """Return why there are no images for a data set; empty if there are.

    Args:
        source: As for ``load_images``.
        dataset: What a table says of its data set.
    """
    try:
        _place(source, dataset)
    except InputError as error:
        return str(error)
    return ""


@lru_cache(maxsize=4)
def load_images(source: str, dataset: DatasetInfo) -> ImagePool:
    """Return the images of a data set; they stay in memory for the next call.

    Args:
        source: ``auto``: scikit-learn's digits for the data set of that name, official files of CIFAR-10,
            CIFAR-100 and ImageNet16-120 below the folder named by the environment variable
            ``NASPRED_IMAGES``. ``noise``: standard normal pixels and random classes, a control. Or what a
            recipe names: ``digits``, ``torchvision:NAME``, the path of an ``.npz`` file or a folder.
        dataset: What the networks are built for.

    Raises:
        InputError: No images, or images that do not fit the data set.
    """
    return read_images(source, dataset)


def read_images(source: str, dataset: DatasetInfo) -> ImagePool:
    """Return what ``load_images`` does, read anew and not kept in memory."""
    data = load_split(source, dataset)
    images, labels = data.train_images, data.train_labels
    if data.compose == "pairs":
        from tasks.benchmarks.training.digits import lay_over, pair_labels

        first, second = generator("digit pairs").integers(len(labels), size=(2, _DIGIT_PAIRS))
        images = lay_over(images[first], images[second])
        labels = pair_labels(labels[first], labels[second])
    return ImagePool.of(images, labels, known_classes(dataset))


def also_forget(clear: Callable[[], None]) -> None:
    """Have ``forget_images`` call a function, too: the one that empties another memory of images."""
    _forget.append(clear)


def forget_images() -> None:
    """Empty the memory of this process, so that the next call finds files that have changed."""
    load_images.cache_clear()
    for clear in _forget:
        clear()


def split_digest(source: str, dataset: DatasetInfo, val_size: int) -> str:
    """Return a digest of training and validation images, read anew: all that a supernet's scores follow from.

    Args:
        source: As for ``load_images``.
        dataset: What the networks are built for.
        val_size: Validation images, of those that there are.

    Raises:
        InputError: As ``load_images``.
    """
    data = load_split(source, dataset, val_size)
    arrays = (data.train_images, data.train_labels, data.val_images, data.val_labels)
    content = hashlib.sha256(f"{[array.shape for array in arrays]} {data.compose} {data.blank}".encode())
    for array in arrays:
        content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()


def load_split(source: str, dataset: DatasetInfo, val_size: int = 4000) -> TrainingData:
    """Return training, validation and test images of a data set.

    Args:
        source: As for ``load_images``.
        dataset: What the networks are built for.
        val_size: Validation images, of those that there are; the first ones.

    Raises:
        InputError: As ``load_images``.
    """
    place = _place(source, dataset)
    if place == NOISE:
        return _noise(dataset, val_size)
    from tasks.benchmarks.training.data import load_data
    from tasks.benchmarks.training.recipe import Recipe

    data = load_data(
        Recipe(space="any", dataset=place, image_size=dataset.resolution or 32, val_size=val_size)
    )
    shape = data.train_images.shape
    for what, found, expected in (
        ("channels", shape[1], dataset.channels),
        ("pixels a side", shape[2], dataset.resolution or shape[2]),
        ("classes", data.info.num_classes, known_classes(dataset)),
    ):
        if found != expected:
            raise InputError(f"images {place}: {found} {what}, but {dataset.name} has {expected}")
    return data


def _noise(dataset: DatasetInfo, val_size: int) -> TrainingData:
    from tasks.benchmarks.training.data import TrainingData

    side, classes = known_resolution(dataset), known_classes(dataset)

    def part(count: int, *key: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rng = generator("noise images", *key)
        shape = (count, dataset.channels, side, side)
        return rng.standard_normal(shape, dtype=np.float32), rng.integers(classes, size=count)

    return TrainingData(
        dataset, *part(_NOISE_IMAGES), *part(min(val_size, _NOISE_IMAGES), "val"), *part(1, "test")
    )


def _place(source: str, dataset: DatasetInfo) -> str:
    """Return what is to be read. Raises InputError if it is not there."""
    if source == NOISE:
        known_resolution(dataset)
        known_classes(dataset)
        return source
    if source != AUTO:
        if is_path(source) and not Path(source).exists():
            raise InputError(f"images {source!r}: no such file or folder")
        return source
    if dataset.name == DIGITS:
        return DIGITS
    from tasks.benchmarks.training.official_images import OFFICIAL

    official = OFFICIAL.get(dataset.name)
    root = os.environ.get(FOLDER_VARIABLE)
    if official is not None and root and (Path(root) / official.folder).is_dir():
        return str(Path(root) / official.folder)
    where = (
        f"set {FOLDER_VARIABLE} to the folder that holds {official.folder}, or "
        if official is not None
        else ""
    )
    raise InputError(
        f"no images of {dataset.name}: {where}set the parameter images to an .npz file, a folder of images "
        "or 'noise'"
    )

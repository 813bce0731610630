"""CIFAR-10, CIFAR-100 and ImageNet16-120 from the files that their authors distribute.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; Chrabaszcz, Loshchilov and
Hutter, "A Downsampled Variant of ImageNet", 2017; Dong and Yang, "NAS-Bench-201", ICLR 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.benchmarks.training.arrays import Part, assemble
from tasks.benchmarks.training.data import TrainingData
from tasks.benchmarks.unpickle import load_python2
from tasks.errors import InputError

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class OfficialFiles:
    """Where a data set's images are.

    Attributes:
        folder: Name of the folder.
        train: Names of its files of training images.
        test: Of test images.
        labels: Field of the labels.
        first: The smallest label.
        classes: Classes that are used, from the first on.
        side: Height and width of an image.
    """

    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: str
    first: int
    classes: int
    side: int


OFFICIAL: Mapping[str, OfficialFiles] = {
    "cifar10": OfficialFiles(
        "cifar-10-batches-py",
        tuple(f"data_batch_{i}" for i in range(1, 6)),
        ("test_batch",),
        "labels",
        first=0,
        classes=10,
        side=32,
    ),
    "cifar100": OfficialFiles(
        "cifar-100-python", ("train",), ("test",), "fine_labels", first=0, classes=100, side=32
    ),
    "imagenet16-120": OfficialFiles(
        "ImageNet16",
        tuple(f"train_data_batch_{i}" for i in range(1, 11)),
        ("val_data",),
        "labels",
        first=1,
        classes=120,
        side=16,
    ),
}
"""By the name of the data set."""


def official_name(folder: Path) -> str | None:
    """Return which data set's files a folder holds; None if it is none of them."""
    for name, files in OFFICIAL.items():
        if all((folder / file).is_file() for file in (*files.train, *files.test)):
            return name
    return None


def load_official(recipe: Recipe, path: Path) -> TrainingData:
    """Read a folder for which ``official_name`` knows the name; a validation part is split off.

    Raises:
        InputError: A file that is damaged, or holds anything but images and labels.
    """
    name = official_name(path)
    if name is None:
        raise InputError(f"data set {path}: has none of the known official files")
    files = OFFICIAL[name]
    parts = {}
    for part, names in (("train", files.train), ("test", files.test)):
        read = [_read(path / file, files) for file in names]
        parts[part] = Part(
            np.concatenate([one.images for one in read]), np.concatenate([one.labels for one in read])
        )
    return assemble(recipe, f"data set {path}", name, parts)


def _read(path: Path, files: OfficialFiles) -> Part:
    content = load_python2(path)
    if not isinstance(content, dict) or not {"data", files.labels} <= content.keys():
        raise InputError(f"{path}: must hold the fields 'data' and {files.labels!r}")
    images: Any = content["data"]
    labels = np.asarray(content[files.labels])
    pixels = 3 * files.side**2
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (pixels,):
        raise InputError(f"{path}: 'data' must be bytes of shape (n, {pixels})")
    if labels.dtype.kind not in "ui" or labels.shape != (len(images),) or int(labels.min()) < files.first:
        raise InputError(f"{path}: {files.labels!r} must be one integer per image, from {files.first}")
    labels = labels.astype(np.int64) - files.first
    used = labels < files.classes
    return Part(images[used].reshape(-1, 3, files.side, files.side), labels[used])

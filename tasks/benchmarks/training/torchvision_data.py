"""Data sets of torchvision by name, where that package is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.benchmarks.training.arrays import Part, assemble
from tasks.benchmarks.training.data import TrainingData
from tasks.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

_WITH_TRAIN_FLAG = ("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS")
_WITH_SPLIT = ("SVHN",)


def load_torchvision(recipe: Recipe, root: Path = Path("~/.cache/torchvision")) -> TrainingData:
    """Load ``torchvision:NAME``, downloaded once; the official test part is test, validation is split off.

    Images of 28 pixels and the like are padded to a multiple of 4.

    Raises:
        InputError: torchvision is missing, an unknown name, or files that are missing and cannot
            be downloaded.
    """
    name = recipe.dataset.removeprefix("torchvision:")
    where = f"data set {recipe.dataset!r}"
    names = [*_WITH_TRAIN_FLAG, *_WITH_SPLIT]
    if name not in names:
        raise InputError(f"{where}: unknown name; {did_you_mean(name, names)}")
    try:
        datasets = importlib.import_module("torchvision.datasets")
    except ImportError as error:
        raise InputError(f"{where}: torchvision is not installed (pip install torchvision)") from error
    folder = str(root.expanduser())
    parts = {}
    for part in ("train", "test"):
        option = {"split": part} if name in _WITH_SPLIT else {"train": part == "train"}
        try:
            loaded = getattr(datasets, name)(folder, download=True, **option)
        except (OSError, RuntimeError) as error:
            raise InputError(f"{where}: not in {folder}, and cannot be downloaded: {error}") from error
        parts[part] = _part(loaded)
    return assemble(recipe, where, name.lower(), parts)


def _part(loaded: Any) -> Part:  # noqa: ANN401 - torchvision has no types here
    images = np.asarray(loaded.data)
    labels = np.asarray(loaded.labels if hasattr(loaded, "labels") else loaded.targets, dtype=np.int64)
    axes = (1, 2) if images.ndim == 3 or images.shape[3] in (1, 3) else (2, 3)
    missing = [(-images.shape[axis]) % 4 for axis in axes]
    widths = [(0, 0)] * images.ndim
    for axis, pixels in zip(axes, missing, strict=True):
        widths[axis] = (pixels // 2, pixels - pixels // 2)
    return Part(np.pad(images, widths), labels)

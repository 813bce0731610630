"""Images to train on, from every source that a recipe can name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Numpy arrays only, so that workers can share one copy through an object store.

    Attributes:
        info: Name, classes, image size and channels of what a network sees.
        train_images: Shape (n, channels, height, width), about zero mean and unit variance. With
            ``compose`` "pairs" these are the parts, from which each mini-batch is composed afresh.
        train_labels: Shape (n,), from 0.
        val_images: Shape (v, channels, height, width), what networks see.
        val_labels: Shape (v,).
        test_images: As ``val_images``.
        test_labels: As ``val_labels``.
        compose: "single" if a training image is shown as it is, "pairs" if two are put together.
        blank: Value of an empty pixel, which shifted images are filled with.
    """

    info: DatasetInfo
    train_images: Images
    train_labels: Labels
    val_images: Images
    val_labels: Labels
    test_images: Images
    test_labels: Labels
    compose: Literal["single", "pairs"] = "single"
    blank: float = 0.0


def load_data(recipe: Recipe) -> TrainingData:
    """Load the data set that a recipe names. The same recipe gives the same arrays.

    ``digits`` are pairs of scikit-learn's digits (no download); ``torchvision:NAME`` is a data set
    of torchvision, read from its usual folder; anything else is the path of an ``.npz`` file, of a folder
    with the official files of CIFAR-10, CIFAR-100 or ImageNet16, or of one with ``train`` and ``val`` (and
    ``test``) folders of one folder per class.

    Raises:
        InputError: An unknown name, a missing package, or files that do not fit.
    """
    name = recipe.dataset
    if name == "digits":
        from tasks.benchmarks.training.digits import load_digit_pairs

        return load_digit_pairs(recipe)
    if name.startswith("torchvision:"):
        from tasks.benchmarks.training.torchvision_data import load_torchvision

        return load_torchvision(recipe)
    path = Path(name).expanduser()
    if path.suffix == ".npz":
        from tasks.benchmarks.training.npz import load_npz

        return load_npz(recipe, path)
    if path.is_dir():
        from tasks.benchmarks.training.folder import load_folder
        from tasks.benchmarks.training.official_images import load_official, official_name

        if official_name(path) is not None:
            return load_official(recipe, path)
        return load_folder(recipe, path)
    raise InputError(
        f"data set {name!r}: allowed are digits, torchvision:NAME, the path of an .npz file, or an "
        "existing folder of images"
    )

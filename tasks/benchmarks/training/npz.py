"""A user's own images in an ``.npz`` file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.training.arrays import Part, assemble
from tasks.benchmarks.training.data import TrainingData
from tasks.errors import InputError

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

_PARTS = ("train", "val", "test")
_NEEDED = ("x_train", "y_train")


def load_npz(recipe: Recipe, path: Path) -> TrainingData:
    """Read ``x_train``, ``y_train`` and, if there, ``x_val``, ``y_val``, ``x_test``, ``y_test``.

    Images have the shape (n, height, width), (n, height, width, channels) or (n, channels,
    height, width), of any number type (integers are divided by 255); labels are integers from 0,
    shape (n,). Height and width are equal and a multiple of 4. Parts that are missing are split
    off the training images.

    Raises:
        InputError: A file that cannot be read, a missing or unknown array, wrong shapes or values.
    """
    where = f"data set {path}"
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays: dict[str, NDArray[np.generic]] = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{where}: cannot be read as an .npz file: {error}") from error
    allowed = [f"{letter}_{part}" for part in _PARTS for letter in "xy"]
    for name in arrays:
        if name not in allowed:
            raise InputError(f"{where}: unknown array {name!r}; allowed: {', '.join(allowed)}")
    for name in _NEEDED:
        if name not in arrays:
            raise InputError(f"{where}: array {name!r} is missing; it has {', '.join(arrays) or 'none'}")
    parts = {}
    for part in _PARTS:
        images, labels = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
        if (images is None) != (labels is None):
            raise InputError(f"{where}: x_{part} and y_{part} must be given together")
        if images is not None and labels is not None:
            parts[part] = Part(images, labels)
    return assemble(recipe, where, path.stem, parts)

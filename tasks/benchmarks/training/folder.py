"""A folder of images, one folder per class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.benchmarks.training.arrays import Part, assemble
from tasks.benchmarks.training.data import TrainingData
from tasks.errors import InputError

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def load_folder(recipe: Recipe, path: Path) -> TrainingData:
    """Read ``path/train/CLASS/*``, and ``val`` and ``test`` if there; or ``path/CLASS/*`` to be split.

    Images are converted to colour and resized to the recipe's ``image_size``. Classes are numbered
    in the order of their names.

    Raises:
        InputError: Pillow is missing, no images, a class that ``train`` lacks, or a broken image.
    """
    where = f"data set {path}"
    if recipe.image_size % 4:
        raise InputError(f"{where}: image_size is {recipe.image_size}, must be a multiple of 4")
    roots = {part: path / part for part in ("train", "val", "test") if (path / part).is_dir()}
    if "train" not in roots:
        roots = {"train": path}
    classes = sorted(folder.name for folder in roots["train"].iterdir() if folder.is_dir())
    if len(classes) < 2:
        raise InputError(
            f"{where}: {roots['train']} has {len(classes)} folders of classes, at least 2 are needed"
        )
    parts = {}
    for part, root in roots.items():
        for folder in root.iterdir():
            if folder.is_dir() and folder.name not in classes:
                raise InputError(f"{where}: {folder} is a class without training images")
        files = [
            (file, label)
            for label, name in enumerate(classes)
            for file in sorted((root / name).glob("*"))
            if file.suffix.lower() in _SUFFIXES
        ]
        if not files:
            raise InputError(f"{where}: no images in {root}; known endings: {', '.join(_SUFFIXES)}")
        images = np.stack([_pixels(where, file, recipe.image_size) for file, _ in files])
        parts[part] = Part(images.transpose(0, 3, 1, 2), np.array([label for _, label in files]))
    return assemble(recipe, where, path.name, parts)


def _pixels(where: str, file: Path, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(f"{where}: image folders need Pillow (pip install pillow)") from error
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB").resize((size, size)), dtype=np.uint8)
    except OSError as error:
        raise InputError(f"{where}: {file} cannot be read as an image: {error}") from error

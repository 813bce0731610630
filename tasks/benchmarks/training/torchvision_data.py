"""Data sets of torchvision by name, where that package is installed."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.benchmarks.training.arrays import Part, assemble
from tasks.benchmarks.training.data import TrainingData
from tasks.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

_PARTS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "trainval", "train-standard"),
    "test": ("test", "val", "valid"),
}
"""What classes with an argument ``split`` call their parts; the first that a class knows is taken."""

_EXTRA: Mapping[str, Mapping[str, object]] = {"EMNIST": {"split": "balanced"}}
"""Arguments of classes whose ``split`` is none into parts."""

_GENERIC = ("DatasetFolder", "ImageFolder")
"""Classes for anybody's files; a folder is given by its path instead."""


def load_torchvision(recipe: Recipe, root: Path = Path("~/.cache/torchvision")) -> TrainingData:
    """Load ``torchvision:NAME``, downloaded once; the official test part is test, validation is split off.

    NAME is any class of ``torchvision.datasets`` whose items are images with one class each. A class
    that does not distinguish parts is split into all three. Where a class holds its images as one
    array they keep their size, padded to a multiple of 4 pixels; else they are read one by one, in
    colour, and resized to the recipe's ``image_size``.

    Raises:
        InputError: torchvision is missing, an unknown name, a class that is no data set of labelled
            images or needs more arguments, or files that are missing and cannot be downloaded.
    """
    name = recipe.dataset.removeprefix("torchvision:")
    where = f"data set {recipe.dataset!r}"
    try:
        datasets = importlib.import_module("torchvision.datasets")
    except ImportError as error:
        raise InputError(f"{where}: torchvision is not installed (pip install torchvision)") from error
    kind = _class(datasets, name, where)
    known = _parameters(kind)
    options = dict(_EXTRA.get(name, {}))
    if "download" in known:
        options["download"] = True
    choices: dict[str, list[dict[str, object]]]
    if "train" in known:
        choices = {part: [{"train": part == "train"}] for part in _PARTS}
    elif "split" in known:
        choices = {part: [{"split": value} for value in values] for part, values in _PARTS.items()}
    else:
        choices = {"train": [{}]}
    given = {"root", *options, *(argument for choice in choices["train"] for argument in choice)}
    missing = [argument for argument, required in known.items() if required and argument not in given]
    if missing or "root" not in known:
        needs = f"needs {', '.join(missing)}" if missing else "reads no folder"
        raise InputError(f"{where}: {name} {needs}, which a recipe cannot give; save it as an .npz file")
    folder = str(root.expanduser())
    parts = {
        part: _part(_made(kind, folder, [options | choice for choice in tries], where), recipe, where)
        for part, tries in choices.items()
    }
    return assemble(recipe, where, name.lower(), parts)


def _class(datasets: ModuleType, name: str, where: str) -> type:
    base = datasets.VisionDataset
    found = {key: value for key, value in vars(datasets).items() if isinstance(value, type)}
    names = sorted(
        key
        for key, value in found.items()
        if issubclass(value, base) and value is not base and key not in _GENERIC
    )
    if name not in names:
        raise InputError(f"{where}: unknown name; {did_you_mean(name, names)}")
    return found[name]


def _parameters(kind: type) -> dict[str, bool]:
    """Return argument -> whether it is required; ``**kwargs`` are those of the next base class."""
    known: dict[str, bool] = {}
    for ancestor in kind.__mro__:
        if "__init__" not in vars(ancestor):
            continue
        parameters = list(inspect.signature(ancestor.__init__).parameters.values())[1:]  # type: ignore[misc]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                known.setdefault(parameter.name, parameter.default is parameter.empty)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return known


def _made(kind: Any, folder: str, tries: list[dict[str, object]], where: str) -> Any:  # noqa: ANN401
    """Return the data set for the first of several choices of arguments that the class accepts."""
    refused: ValueError | None = None
    for options in tries:
        try:
            return kind(folder, **options)
        except ValueError as error:  # torchvision's answer to an unknown split
            refused = refused or error
        except (OSError, RuntimeError, ImportError) as error:
            raise InputError(f"{where}: not in {folder}, and cannot be downloaded: {error}") from error
    raise InputError(f"{where}: {kind.__name__} has no such part: {refused}") from refused


def _part(loaded: Any, recipe: Recipe, where: str) -> Part:  # noqa: ANN401 - torchvision has no types here
    images = np.asarray(getattr(loaded, "data", ()))
    labels = getattr(loaded, "labels", getattr(loaded, "targets", None))
    if images.ndim not in (3, 4) or labels is None:
        return _one_by_one(loaded, recipe, where)
    axes = (1, 2) if images.ndim == 3 or images.shape[3] in (1, 3) else (2, 3)
    missing = [(-images.shape[axis]) % 4 for axis in axes]
    widths = [(0, 0)] * images.ndim
    for axis, pixels in zip(axes, missing, strict=True):
        widths[axis] = (pixels // 2, pixels - pixels // 2)
    return Part(np.pad(images, widths), np.asarray(labels, dtype=np.int64))


def _one_by_one(loaded: Any, recipe: Recipe, where: str) -> Part:  # noqa: ANN401
    from PIL import Image

    size = recipe.image_size
    if size % 4:
        raise InputError(f"{where}: image_size is {size}, must be a multiple of 4")
    images = np.empty((len(loaded), 3, size, size), dtype=np.uint8)
    labels = np.empty(len(loaded), dtype=np.int64)
    for index in range(len(loaded)):
        try:
            item = loaded[index]
        except OSError as error:
            raise InputError(f"{where}: item {index} cannot be read: {error}") from error
        pair = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        image, label = pair[0], getattr(pair[1], "item", lambda value=pair[1]: value)()
        if not isinstance(image, Image.Image) or isinstance(label, bool) or not isinstance(label, int):
            types = ", ".join(type(value).__name__ for value in pair)
            raise InputError(
                f"{where}: {type(loaded).__name__} is no data set of images with one class each: "
                f"item {index} is ({types}), must be an image and an integer"
            )
        images[index] = np.asarray(image.convert("RGB").resize((size, size))).transpose(2, 0, 1)
        labels[index] = label
    return Part(images, labels)

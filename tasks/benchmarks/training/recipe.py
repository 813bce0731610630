"""Everything that determines the numbers of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tasks.errors import InputError, did_you_mean
from tasks.seeds import digest

# Numbers by field: type, smallest and largest value.
_LIMITS: Mapping[str, tuple[type, float, float]] = {
    "epochs": (int, 1, 10_000),
    "steps_per_epoch": (int, 1, 1_000_000),
    "batch_size": (int, 2, 65_536),
    "lr": (float, 1e-8, 100.0),
    "warmup_steps": (int, 0, 1_000_000),
    "momentum": (float, 0.0, 0.9999),
    "weight_decay": (float, 0.0, 10.0),
    "label_smoothing": (float, 0.0, 0.999),
    "clip_norm": (float, 0.0, 1e9),
    "batch_norm_momentum": (float, 1e-6, 1.0),
    "shift": (int, 0, 64),
    "noise": (float, 0.0, 100.0),
    "channels": (int, 1, 4096),
    "cells": (int, 1, 1000),
    "val_size": (int, 1, 10_000_000),
    "val_part": (int, 1, 10_000_000),
    "test_size": (int, 1, 10_000_000),
    "image_size": (int, 4, 4096),
}
_SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the networks of a space are trained: optimiser, data, sizes. SGD with Nesterov momentum.

    Attributes:
        space: Search space.
        dataset: ``digits``, ``torchvision:NAME``, or the path of an ``.npz`` file or image folder.
        epochs: Points of a learning curve: training metrics are averaged and validation is
            measured once per epoch.
        steps_per_epoch: Mini-batches per epoch.
        batch_size: Images per mini-batch and run.
        lr: Learning rate at the start (after the warm-up).
        schedule: ``cosine`` (to zero at the last step) or ``constant``.
        warmup_steps: Steps in which the learning rate rises linearly to ``lr``.
        momentum: Nesterov momentum; 0 for plain SGD.
        weight_decay: L2 penalty on all weights, added to the gradient.
        label_smoothing: Share of the target spread evenly over the classes (in training only).
        clip_norm: Largest L2 norm of a run's gradient; 0 for no limit.
        batch_norm_momentum: Weight of a mini-batch in the running statistics. It replaces the
            layers' own, because some spaces' values need far more steps than a short training has.
        shift: Pixels by which training images are shifted at random in either direction.
        flip: Whether training images are mirrored at random.
        noise: Standard deviation of Gaussian noise added to training images.
        channels: ``channels`` of ``space.build``.
        cells: ``cells`` of ``space.build``.
        val_size: Validation images for the last epoch, of those the data set has; the first ones.
        val_part: Validation images for the epochs before, the first of those. Fewer save time.
        test_size: Test images, as above.
        image_size: Height and width to which a folder's images are resized; only used for folders.
    """

    space: str
    dataset: str = "digits"
    epochs: int = 20
    steps_per_epoch: int = 25
    batch_size: int = 64
    lr: float = 0.1
    schedule: str = "cosine"
    warmup_steps: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    clip_norm: float = 0.0
    batch_norm_momentum: float = 0.1
    shift: int = 0
    flip: bool = False
    noise: float = 0.0
    channels: int = 4
    cells: int = 1
    val_size: int = 4000
    val_part: int = 500
    test_size: int = 4000
    image_size: int = 32

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], where: str) -> Recipe:
        """Read the fields of a build file.

        Args:
            mapping: Field names and values; those left out keep their defaults.
            where: Begins every error message, for example the name of the file.

        Raises:
            InputError: An unknown or missing field, or a value of the wrong type or range.
        """
        names = [field.name for field in fields(cls)]
        for name in mapping:
            if name not in names:
                raise InputError(
                    f"{where}: unknown field {name!r} of a recipe; {did_you_mean(str(name), names)}"
                )
        if "space" not in mapping:
            raise InputError(f"{where}: the recipe's field 'space' is missing")
        try:
            return cls(**mapping)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error

    def to_mapping(self) -> dict[str, Any]:
        """Return all fields, ready for JSON or YAML."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """Sha256 (hex) of the canonical JSON of all fields."""
        return digest(self.to_mapping())

    @property
    def total_steps(self) -> int:
        """Mini-batches of a run."""
        return self.epochs * self.steps_per_epoch


def _check(recipe: Recipe) -> None:
    for name in ("space", "dataset"):
        value = getattr(recipe, name)
        if not isinstance(value, str) or not value:
            raise InputError(f"{name} is {value!r}, must be a non-empty text")
    if recipe.schedule not in _SCHEDULES:
        raise InputError(f"schedule is {recipe.schedule!r}, must be one of {', '.join(_SCHEDULES)}")
    if not isinstance(recipe.flip, bool):
        raise InputError(f"flip is {recipe.flip!r}, must be true or false")
    for name, (kind, low, high) in _LIMITS.items():
        value = getattr(recipe, name)
        right = not isinstance(value, bool) and isinstance(value, int if kind is int else int | float)
        if not right or not low <= value <= high:
            article = "an integer" if kind is int else "a number"
            raise InputError(f"{name} is {value!r}, must be {article} from {low:g} to {high:g}")
        if kind is float:
            # 1 and 1.0 are the same recipe, so they must have the same digest.
            object.__setattr__(recipe, name, float(value))
    if recipe.warmup_steps >= recipe.total_steps:
        raise InputError(
            f"warmup_steps is {recipe.warmup_steps}, must be below the {recipe.total_steps} steps of a run"
        )

"""Everything that determines the numbers of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tasks.benchmarks.training.recipe_base import RecipeBase
from tasks.errors import InputError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(RecipeBase):
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
        image_size: Height and width to which images in files are resized (folders, some of torchvision).
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

    limits: ClassVar = _LIMITS
    choices: ClassVar = {"schedule": ("cosine", "constant")}

    def _check(self) -> None:
        if not isinstance(self.flip, bool):
            raise InputError(f"flip is {self.flip!r}, must be true or false")
        if self.warmup_steps >= self.total_steps:
            raise InputError(
                f"warmup_steps is {self.warmup_steps}, must be below the {self.total_steps} steps of a run"
            )

"""The unit of work of a build: some runs of one architecture, trained as one program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tasks.seeds import derive_seed, digest
from tasks.spaces.base import Arch

TRAINING_VERSION = 1
"""Raised when the same recipe and seed give other numbers, a changed default of a recipe included."""

_FIRST_FIELDS = frozenset(
    {
        "space", "dataset", "epochs", "steps_per_epoch", "batch_size", "lr", "schedule", "warmup_steps",
        "momentum", "weight_decay", "label_smoothing", "clip_norm", "batch_norm_momentum", "shift", "flip",
        "noise", "channels", "cells", "val_size", "val_part", "test_size", "image_size",
        "text_sha256", "tokens", "vocabulary", "bptt", "embedding", "hidden", "layers", "tied", "val_tokens",
        "test_tokens",
    }
)  # fmt: skip
"""Fields of the recipes' first versions."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Some runs of one architecture. Equal content gives an equal key, on every machine.

    Attributes:
        identity: Digest of everything else that determines the numbers, from ``build_identity``.
        space: Search space name.
        dataset: Name of the data set.
        index: Place of the architecture in the build's list.
        arch: The architecture.
        text: The same in official notation.
        canonical: Its canonical form.
        runs: Numbers of the runs, from 0.
    """

    identity: str
    space: str
    dataset: str
    index: int
    arch: Arch
    text: str
    canonical: str
    runs: tuple[int, ...]

    @property
    def key(self) -> str:
        """sha256 (hex) of the canonical JSON of the content."""
        return digest("training", self.identity, self.text, list(self.runs))

    @property
    def seeds(self) -> list[int]:
        """One per run; a run's seed does not depend on which others are trained with it."""
        return [derive_seed("training", self.identity, self.text, run) for run in self.runs]

    @property
    def queue(self) -> tuple[str, ...]:
        """Jobs of one build may share a batch."""
        return (self.identity,)

    @property
    def extent(self) -> tuple[int, int]:
        """More runs first; equal ones in the order of the list, so that what is finished is a fair sample."""
        return (len(self.runs), 0)

    @property
    def task_name(self) -> str:
        """``space/dataset``."""
        return f"{self.space}/{self.dataset}"


def build_identity(recipe: Any, seed: int) -> str:  # noqa: ANN401
    """Return the digest of version, recipe and seed of a build; part of every key.

    A field that a later version adds counts only where it differs from its default, so that
    recipes of today keep their identity. Of a data set given by its path only the name counts, so
    that files may move; whether it is the same data has to be checked otherwise.

    Args:
        recipe: A frozen dataclass.
        seed: The build's seed.
    """
    content = {}
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if field.name == "dataset":
            value = PurePath(str(value)).name
        if field.name in _FIRST_FIELDS or field.default is dataclasses.MISSING or value != field.default:
            content[field.name] = value
    return digest("build", TRAINING_VERSION, content, seed)

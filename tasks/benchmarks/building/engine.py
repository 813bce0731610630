"""Which code trains the networks of a space."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.spaces.base import Arch, DatasetInfo, SearchSpace


class Recipe(Protocol):
    """Everything that determines the numbers of a training; a frozen dataclass with a default per field."""

    @property
    def space(self) -> str:
        """Search space."""

    @property
    def dataset(self) -> str:
        """Name or path of the data set."""

    @property
    def epochs(self) -> int:
        """Points of a learning curve."""

    def to_mapping(self) -> dict[str, Any]:
        """Return all fields, ready for JSON or YAML."""


class TrainingData(Protocol):
    """Numpy arrays, which workers share through the object store; they may be read-only there."""

    @property
    def info(self) -> DatasetInfo:
        """Name of the data set, and what a network needs to know of it."""


class TrainedRuns(Protocol):
    """Measurements of several runs of one architecture; NaN where a run diverged or has no such value."""

    train_loss: NDArray[np.float32]
    train_acc: NDArray[np.float32]
    val_loss: NDArray[np.float32]
    val_acc: NDArray[np.float32]
    test_acc: NDArray[np.float32]
    status: tuple[str, ...]
    seconds_per_epoch: float
    params: int
    flops: int


class Engine(Protocol):
    """Trains networks. Recipes may be of any class, data of any class that workers can import."""

    def make_recipe(self, mapping: Mapping[str, Any], where: str, /) -> Any:  # noqa: ANN401
        """Read a recipe. Raises InputError for an unknown field or a wrong value."""

    def load_data(self, recipe: Any, /) -> Any:  # noqa: ANN401
        """Load the data set that a recipe names; the same recipe gives the same arrays."""

    def train_runs(
        self,
        space: SearchSpace,
        arch: Arch,
        recipe: Any,  # noqa: ANN401
        data: Any,  # noqa: ANN401
        seeds: Sequence[int],
        device: str,
        /,
    ) -> Any:  # noqa: ANN401
        """Train one network per seed; what a run gives depends on its own seed only, but for rounding."""


@dataclass(frozen=True, slots=True)
class Functions:
    """An engine of four functions, each given as ``module:name`` and imported when it is called."""

    recipe: str
    data: str
    train: str
    check: str

    def make_recipe(self, mapping: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
        """Read a recipe."""
        return _imported(self.recipe).from_mapping(mapping, where)

    def load_data(self, recipe: Any) -> Any:  # noqa: ANN401
        """Load the data set that a recipe names."""
        return _imported(self.data)(recipe)

    def train_runs(
        self,
        space: SearchSpace,
        arch: Arch,
        recipe: Any,  # noqa: ANN401
        data: Any,  # noqa: ANN401
        seeds: Sequence[int],
        device: str,
    ) -> Any:  # noqa: ANN401
        """Train one network per seed."""
        return _imported(self.train)(space, arch, recipe, data, seeds, device)

    def check_network(self, space: SearchSpace, arch: Arch, recipe: Any, data: Any) -> None:  # noqa: ANN401
        """Build a network, and train nothing. Raises InputError for sizes that the space does not have."""
        _imported(self.check)(space, arch, recipe, data)


IMAGES = Functions(
    "tasks.benchmarks.training.recipe:Recipe",
    "tasks.benchmarks.training.data:load_data",
    "tasks.benchmarks.training.train:train_runs",
    "tasks.benchmarks.training.train:check_network",
)
"""Trains any image classifier of convolutions, batch normalisations and linear layers."""

TEXT = Functions(
    "tasks.benchmarks.training.text.recipe:TextRecipe",
    "tasks.benchmarks.training.text.data:load_data",
    "tasks.benchmarks.training.text.train:train_runs",
    "tasks.benchmarks.training.text.train:check_network",
)
"""Trains language models of recurrent cells."""

_ENGINES: dict[str, Engine] = {"nasbench_nlp": TEXT}


def engine_of(space: str) -> Engine:
    """Return the engine of a space; of a space that names none, the one for images."""
    return _ENGINES.get(space, IMAGES)


def register_engine(space: str, engine: Engine) -> None:
    """Have the networks of a space trained by this engine, in this process.

    Raises:
        InputError: The space has another engine already.
    """
    if _ENGINES.setdefault(space, engine) is not engine:
        raise InputError(f"space {space!r} has a training engine already, {_ENGINES[space]!r}")


def _imported(target: str) -> Any:  # noqa: ANN401
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)

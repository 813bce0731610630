"""The study file: which predictors, on which tasks, with which budgets, how often."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.settings_file import read_mapping, validate
from predictors.groups import expand
from predictors.zero_cost.images import is_path
from tasks.seeds import digest
from tasks.task import Sampling

LARGEST_TRAIN_SIZE: dict[str, int] = {"darts": 500}
DEFAULT_LARGEST_TRAIN_SIZE = 1000
"""Largest training size of the published study, by space (White et al. 2021)."""

DEFAULT_TEST_SIZES: dict[str, int] = {"darts": 100}
DEFAULT_TEST_SIZE = 200

_EPSILON = 1e-9  # keeps the last value of a grid from being truncated to one less


def train_size_grid(space: str) -> list[int]:
    """Return the 11 training sizes of the published study, log-spaced from 5."""
    largest = LARGEST_TRAIN_SIZE.get(space, DEFAULT_LARGEST_TRAIN_SIZE)
    return _log_grid(np.log2(5.1), np.log2(largest), 11)


def fidelity_grid(epochs: int) -> list[int]:
    """Return up to 15 curve lengths, log-spaced to the last epoch but one, as published."""
    return _log_grid(0.9, np.log2(max(epochs - 1, 1)), 15)


def _log_grid(start: float, stop: float, count: int) -> list[int]:
    values = np.logspace(min(start, stop), stop + _EPSILON, count, base=2)
    return sorted({int(value) for value in values})


PositiveInt = Annotated[int, Field(ge=1)]


class Search(BaseModel):
    """A random search for hyperparameters, on the training architectures of each task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    configs: Annotated[int, Field(ge=2, le=5000)] = 25
    """Configurations tried, the default one first."""
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    """Folds of the cross-validation that scores them."""
    max_time_s: Annotated[float, Field(gt=0)] | None = None
    """Wall seconds after which none is begun; with a limit, results depend on the machine."""


class PredictorEntry(BaseModel):
    """A predictor, the hyperparameters that differ from its defaults, and whether to search for more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    params: dict[str, Any] = {}
    hpo: Search | None = None

    @field_validator("hpo", mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:  # noqa: ANN401 - raw input of any shape
        if isinstance(value, bool):
            return {} if value else None
        return {"configs": value} if isinstance(value, int) else value


class Study(BaseModel):
    """A study. Everything that changes a result is here; where it runs is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    tasks: Annotated[list[str], Field(min_length=1)]
    predictors: Annotated[list[PredictorEntry], Field(min_length=1)]
    """Predictors, each a name or an entry; ``paper31`` stands for the 31 of the published study."""
    train_sizes: list[PositiveInt] | None = None
    """Numbers of training architectures; the published grid of each space if absent."""
    epochs: list[PositiveInt] | None = None
    """Lengths of partial learning curves; the published grid of each space if absent."""
    trials: PositiveInt = 100
    first_seed: Annotated[int, Field(ge=0)] = 0
    test_size: PositiveInt | None = None
    """Test architectures; if absent 200 (darts 100), or a third of a table with fewer than 600."""
    sampling: Sampling = "uniform"
    benchmarks: list[str] = []
    """Files of the user's own measured tables; they may be named in ``tasks``."""
    plugins: list[str] = []
    """Python files that define further predictors."""
    task_timeout_s: Annotated[float, Field(gt=0)] = 900.0
    """Deadline of one task; a task beyond it is stopped and becomes a row of status timeout."""
    save_predictions: bool = False
    """Also store measured and predicted values of every test architecture."""

    @field_validator("predictors", mode="before")
    @classmethod
    def _names_are_entries(cls, value: Any) -> Any:  # noqa: ANN401 - raw input of any shape
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list):
            named = [expand(item) if isinstance(item, str) else (item,) for item in value]
            return [{"name": item} if isinstance(item, str) else item for items in named for item in items]
        return value

    @field_validator("tasks")
    @classmethod
    def _tasks_are_pairs(cls, value: list[str]) -> list[str]:
        for task in value:
            if task.count("/") != 1 or not all(task.split("/")):
                raise ValueError(f"{task!r} is not of the form space/dataset, e.g. nasbench201/cifar10")
        return list(dict.fromkeys(value))

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        for field in ("train_sizes", "epochs"):
            values = getattr(self, field)
            if values is not None and len(set(values)) != len(values):
                raise ValueError(f"{field} holds a value twice: {values}")
            if values == []:
                raise ValueError(f"{field} is empty; leave it out to use the published grid")
        ids = [entry.model_dump_json() for entry in self.predictors]
        if len(set(ids)) != len(ids):
            raise ValueError("predictors holds the same predictor with the same params twice")
        return self

    @property
    def hash(self) -> str:
        """sha256 (hex) of the content."""
        return digest(self.model_dump(mode="json"))

    def with_changes(self, changes: dict[str, Any]) -> Study:
        """Return a copy with some fields replaced, validated anew."""
        return validate(Study, {**self.model_dump(mode="json"), **changes}, "command line")

    def to_yaml(self) -> str:
        """Return the study as a study file."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_study(path: str | Path) -> Study:
    """Read a study file.

    Paths of ``benchmarks`` and ``plugins`` in it, and of ``images`` among the ``params`` of a predictor, are
    relative to the file.

    Raises:
        InputError: The file is missing, not YAML, or not a study; names each field that is wrong.
    """
    file = Path(path)
    data = read_mapping(file, "study")
    data.setdefault("name", file.stem)
    for field in ("benchmarks", "plugins"):
        if isinstance(data.get(field), list):
            data[field] = [str((file.parent / str(item)).resolve()) for item in data[field]]
    if isinstance(data.get("predictors"), list):
        data["predictors"] = [_with_images_beside(file, entry) for entry in data["predictors"]]
    return validate(Study, data, str(file))


def _with_images_beside(file: Path, entry: Any) -> Any:  # noqa: ANN401 - raw input of any shape
    """Return an entry of ``predictors`` with the path of its images, if it names any, made absolute."""
    if not isinstance(entry, dict) or not isinstance(params := entry.get("params"), dict):
        return entry
    images = params.get("images")
    if not isinstance(images, str) or not is_path(images):
        return entry
    return {**entry, "params": {**params, "images": str((file.parent / images).resolve())}}


def quickstart() -> Study:
    """Return the built-in study on real NAS-Bench-201."""
    text = resources.files("pipeline").joinpath("studies/quickstart.yaml").read_text(encoding="utf-8")
    return validate(Study, yaml.safe_load(text), "quickstart.yaml")

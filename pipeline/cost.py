"""How long a task takes: a prior from the registry, replaced by what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias, cast

import numpy as np
import pandas as pd

from pipeline.proxies import proxies_of
from pipeline.work import Shared
from predictors.base import PredictorInfo
from predictors.registry import TUNING
from predictors.tuning import Tuning
from tasks.task import Task

_Method: TypeAlias = tuple[str, str]

TARGET_S = 1.0
"""Work per batch. Below about .1 s the executor's own cost shows; above some seconds a crash costs more."""

FIRST_LIMIT = 4


@dataclass(slots=True)
class CostModel:
    """Estimates seconds per task; ``observe`` makes the estimates better.

    Attributes:
        infos: What is known of each predictor; ``cost_s`` is the prior.
    """

    infos: Mapping[str, PredictorInfo]
    _measured: dict[_Method, dict[int, float]] = field(default_factory=dict)

    @property
    def target_s(self) -> float:
        """Seconds of work that make a batch."""
        return TARGET_S

    @property
    def first_limit(self) -> int:
        """Tasks of the first batch of a predictor: few, so that a wrong prior costs little."""
        return FIRST_LIMIT

    def demand(self, task: Task) -> PredictorInfo:
        """Return what a task needs to run."""
        return self.infos[task.predictor]

    def shared(self, task: Task) -> Shared | None:
        """Return the zero-cost scores of a task's trial, for one setting; None if it asks for none.

        Training sets of a trial are prefixes of each other: the largest leaves the scores for all. Those of
        another predictor on the same images are computed along, see ``Context.proxies``.
        """
        if "images" not in self.infos[task.predictor].needs:
            return None
        settings = frozenset(setting for setting, _ in proxies_of(task.predictor, task.params))
        if not settings:
            return None
        trial = (task.task_name, task.fingerprint, task.images, task.sampling, task.n_test, task.seed)
        return Shared((settings, *trial), task.train_size or 0)

    def estimate(self, task: Task) -> float:
        """Return the expected seconds of a task, more than 0."""
        size, info = task.train_size or 0, self.infos[task.predictor]
        known = self._measured.get((task.predictor, task.params))
        if not known:
            return max(_with_search(info.cost_s * _scale(size, 100, info.cost_growth), task), 1e-4)
        if size in known:
            return known[size]
        nearest = min(known, key=lambda other: abs(np.log((other + 1) / (size + 1))))
        return max(known[nearest] * _scale(size, nearest, info.cost_growth), 1e-4)

    def is_measured(self, task: Task) -> bool:
        """Whether any task of the same predictor and hyperparameters was measured."""
        return (task.predictor, task.params) in self._measured

    def observe(self, task: Task, seconds: float) -> None:
        """Learn from one task; recent ones count more, so that a slow first call is soon forgotten."""
        known = self._measured.setdefault((task.predictor, task.params), {})
        size = task.train_size or 0
        known[size] = (
            max(seconds, 1e-4) if size not in known else 0.7 * known[size] + 0.3 * max(seconds, 1e-4)
        )

    def learn(self, rows: pd.DataFrame) -> None:
        """Learn from stored rows: medians of CPU seconds by predictor, hyperparameters and size."""
        rows = rows[rows["status"] == "ok"]
        seconds = rows["fit_cpu_s"].fillna(0.0) + rows["predict_cpu_s"].fillna(0.0)
        sizes = rows["train_size"].fillna(0).astype(int)
        medians = seconds.groupby([rows["predictor"], rows["params"], sizes]).median()
        for group, value in medians.items():
            predictor, params, size = cast("tuple[str, str, int]", group)
            self._measured.setdefault((predictor, params), {})[size] = max(float(value), 1e-4)


def _scale(size: int, other: int, growth: float) -> float:
    """Return how many times longer a training set of one size takes than one of another."""
    return float(((size + 30.0) / (other + 30.0)) ** growth)


def _with_search(fit: float, task: Task) -> float:
    """Return the seconds of one fit, and of the fits of the hyperparameter search before it if there is one.

    A search with a time limit begins no configuration after it.
    """
    tuning, size = _tuning(task.params), task.train_size or 0
    if tuning is None:
        return fit
    search = fit * tuning.trained_share(size)
    if tuning.max_time_s is not None:
        search = min(search, tuning.max_time_s + search / tuning.configs)
    return fit + search


@lru_cache(maxsize=1024)
def _tuning(params: str) -> Tuning | None:
    """Return the search that a task's parameters ask for."""
    settings = json.loads(params).get(TUNING)
    return None if settings is None else Tuning(**settings)

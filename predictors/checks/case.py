"""What the checks work on."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors import registry
from predictors.base import Predictor, PredictorInfo
from predictors.observations import Observations
from tasks.benchmarks.schema import CURVES
from tasks.seeds import generator
from tasks.spaces.base import DatasetInfo, SearchSpace

EPOCHS = 6
"""Length of the synthetic learning curves."""


@dataclass(frozen=True, slots=True)
class Case:
    """One predictor on one space, with synthetic observations.

    Attributes:
        info: The predictor.
        params: Hyperparameters in force, such as fewer trees to save time.
        train: Labelled architectures.
        query: Other architectures, all different.
        others: Values of hyperparameters that are any text, other than those in force, which should
            make a difference.
    """

    info: PredictorInfo
    params: Mapping[str, Any]
    train: Observations
    query: Observations
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def cls(self) -> type[Predictor]:
        """The predictor's class."""
        return registry.load_class(self.info.name)

    def make(self, seed: int = 0, changes: Mapping[str, object] | None = None) -> Predictor:
        """Return a new predictor; ``changes`` are hyperparameters that override those of the case."""
        return registry.create(self.info.name, {**self.params, **(changes or {})}, seed)

    def fitted(self, seed: int = 0, changes: Mapping[str, object] | None = None) -> Predictor:
        """Return a predictor after ``fit``, if it needs labels; else a new one."""
        predictor = self.make(seed, changes)
        return predictor.fit(self.train) if "labels" in self.info.needs else predictor

    def scores(self, seed: int = 0, changes: Mapping[str, object] | None = None) -> NDArray[np.float64]:
        """Return the scores of the query architectures."""
        return self.fitted(seed, changes).predict(self.query)


Check = Callable[[Case], None]
"""Raises AssertionError."""


def make_case(
    name: str,
    space: SearchSpace,
    dataset: DatasetInfo,
    *,
    params: Mapping[str, Any] | None = None,
    others: Mapping[str, str] | None = None,
    n_train: int = 24,
    n_query: int = 30,
) -> Case:
    """Return a case with synthetic labels (and curves) on architectures of ``space``.

    Accuracies are a random linear function of the adjacency encoding plus noise, between 20 and 90.
    """
    rng = generator("predictor checks", space.name)
    codes = space.sample(rng, 4 * (n_train + n_query))
    codes = codes[np.sort(np.unique(codes, axis=0, return_index=True)[1])][: n_train + n_query]
    everything = Observations(space, dataset, codes)
    x = everything.encode("adjacency")
    signal = x @ rng.normal(size=x.shape[1]) + 0.1 * rng.normal(size=len(x))
    targets = 20.0 + 70.0 * (signal - signal.min()) / np.ptp(signal)
    approach = 1.0 - 0.5 ** np.arange(1, EPOCHS + 1)
    rising = (targets[:, None] * approach).astype(np.float32)
    curves = {name: 100.0 - rising if "loss" in name else rising for name in CURVES}
    labelled = replace(everything, targets=targets, curves=curves, total_epochs=2 * EPOCHS)
    return Case(
        registry.get_info(name),
        dict(params or {}),
        labelled.take(slice(None, n_train)),
        replace(labelled.take(slice(n_train, None)), targets=None),
        dict(others or {}),
    )


def scores_in_other_process(cases: Sequence[Case], plugins: Sequence[str] = ()) -> list[NDArray[np.float64]]:
    """Return the scores of every case, computed in one new Python process.

    The hash seed of that process is fixed to another value, so that results which depend on the
    order of a set differ.

    Args:
        cases: What to compute.
        plugins: Files to register first (``registry.register_file``).
    """
    program = "from predictors.checks.case import _answer; _answer()"
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((list(plugins), list(cases))),
        stdout=subprocess.PIPE,
        env={**_environment(), "PYTHONHASHSEED": "12345"},
        check=True,
    )
    scores: list[NDArray[np.float64]] = pickle.loads(result.stdout)
    return scores


def _answer() -> None:
    plugins, cases = pickle.load(sys.stdin.buffer)
    for plugin in plugins:
        registry.register_file(plugin)
    pickle.dump([case.scores() for case in cases], sys.stdout.buffer)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}

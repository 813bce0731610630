"""How long a score takes: a prior from the registry, replaced by what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import pandas as pd

from pipeline.scoring.job import ScoringJob
from predictors.base import PredictorInfo

TARGET_S = 20.0
"""Work per batch. Sub-networks that are scored together share what they begin with, so that a batch should
hold many."""

FIRST_LIMIT = 16

PRIOR_ARCHITECTURES = 200
"""``PredictorInfo.cost_s`` is for so many."""


@dataclass(slots=True)
class ScoringCost:
    """Estimates seconds per score.

    Attributes:
        infos: What is known of each predictor.
        target_s: Seconds of work that make a batch.
        per: Scores that a predictor's ``cost_s`` is taken to be the cost of; 1 for those that train.
    """

    infos: Mapping[str, PredictorInfo]
    target_s: float = TARGET_S
    per: int = PRIOR_ARCHITECTURES
    _measured: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def first_limit(self) -> int:
        """Few at first: they are measured, and batches grow from there."""
        return FIRST_LIMIT

    def demand(self, job: ScoringJob) -> PredictorInfo:
        """Return what a job needs to run."""
        return self.infos[job.predictor]

    def shared(self, _job: ScoringJob) -> None:
        """Return None: batches of one predictor have different architectures, those of others come later."""

    def is_measured(self, job: ScoringJob) -> bool:
        """Whether any score of the same predictor and hyperparameters was."""
        return (job.predictor, job.scorer.params) in self._measured

    def estimate(self, job: ScoringJob) -> float:
        """Return the expected seconds of a job, more than 0."""
        known = self._measured.get((job.predictor, job.scorer.params))
        return max(self.infos[job.predictor].cost_s / self.per if known is None else known, 1e-5)

    def observe(self, job: ScoringJob, seconds: float) -> None:
        """Learn from one job; recent ones count more: the first ones of a process load what it needs."""
        name = (job.predictor, job.scorer.params)
        self._measured[name] = 0.7 * self._measured.get(name, seconds) + 0.3 * seconds

    def learn(self, rows: pd.DataFrame) -> None:
        """Learn from stored rows: columns ``predictor``, ``params``, ``status`` and ``wall_s``."""
        rows = rows[rows["status"].isin(["ok", "degenerate"])]
        for name, value in rows.groupby(["predictor", "params"])["wall_s"].median().items():
            self._measured[cast("tuple[str, str]", name)] = float(value)

"""How long a training job takes: what was measured, or a rough prior."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from tasks.benchmarks.building.job import TrainingJob

TARGET_S = 60.0
"""Work per batch: trainings take seconds, and a crash costs the batches in flight."""

PRIOR_S = 10.0


@dataclass(frozen=True, slots=True)
class TrainingDemand:
    """What a job needs to run: a share of a GPU, or none."""

    num_gpus: float = 0.0
    resident: bool = False
    together: int = 1


@dataclass(slots=True)
class TrainingCost:
    """Estimates seconds per job by the mean of those measured with as many runs.

    The mean, not recent ones: architectures differ, and come in random order.

    Attributes:
        share: GPU share that each job needs.
    """

    share: float = 0.0
    _sums: dict[int, tuple[int, float]] = field(default_factory=dict)

    @property
    def target_s(self) -> float:
        """Seconds of work that make a batch."""
        return TARGET_S

    @property
    def first_limit(self) -> int:
        """One job at first: it is measured, and batches grow from there."""
        return 1

    def demand(self, _job: TrainingJob) -> TrainingDemand:
        """Return what a job needs to run."""
        return TrainingDemand(self.share)

    def shared(self, _job: TrainingJob) -> None:
        """Return None: each job trains networks of its own."""

    @property
    def is_measured(self) -> bool:
        """Whether any job was."""
        return bool(self._sums)

    def estimate(self, job: TrainingJob) -> float:
        """Return the expected seconds of a job."""
        runs = len(job.runs)
        if not self._sums:
            return PRIOR_S
        nearest = min(self._sums, key=lambda other: abs(other - runs))
        count, total = self._sums[nearest]
        # Two runs at once take less than twice the time of one; this errs on the long side.
        return max(total / count * runs / nearest, 1e-3)

    def observe(self, job: TrainingJob, seconds: float) -> None:
        """Learn from one job."""
        count, total = self._sums.get(len(job.runs), (0, 0.0))
        self._sums[len(job.runs)] = (count + 1, total + seconds)

    def learn(self, rows: pd.DataFrame) -> None:
        """Learn from stored rows: columns ``status``, ``runs`` and ``wall_s``."""
        rows = rows[rows["status"] == "ok"]
        for runs, seconds in zip(rows["runs"].map(len), rows["wall_s"], strict=True):
            count, total = self._sums.get(int(runs), (0, 0.0))
            self._sums[int(runs)] = (count + 1, total + float(seconds))

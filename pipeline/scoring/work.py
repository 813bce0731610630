"""Scoring jobs become rows. A pure function of its arguments: no Ray."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from pipeline.alarm import TaskTimeout, time_limit
from pipeline.evaluate import Context, failure
from pipeline.provenance import hostname, versions
from pipeline.rows import Row
from pipeline.scoring.cost import TARGET_S
from pipeline.scoring.job import ScoringJob
from pipeline.work import BatchResult
from predictors import registry
from predictors.base import PredictorInfo
from predictors.device import choose_device
from predictors.observations import Observations


@dataclass(frozen=True, slots=True)
class ScoringWork:
    """What a worker needs to know of a scoring.

    Attributes:
        context: Of the study, as for its tasks; its time limit holds for each call of a predictor.
    """

    context: Context

    @property
    def study(self) -> str:
        """Name of the study."""
        return self.context.study

    @property
    def task_timeout_s(self) -> float:
        """Time limit of one call of a predictor."""
        return self.context.task_timeout_s

    @property
    def batch_budget_s(self) -> float:
        """A batch hands back what it has not begun after so long."""
        return TARGET_S

    def evaluate(self, jobs: Sequence[ScoringJob], data: Observations) -> BatchResult[ScoringJob]:
        """Score all in one call of the predictor: architectures that begin alike share work.

        If the call fails, each half is tried by itself, down to the guilty one.

        Args:
            jobs: Of one scorer.
            data: Space and data set; no architectures.
        """
        for file, source in self.context.plugins:
            registry.register_source(file, source)
        info = registry.info_with(jobs[0].predictor, json.loads(jobs[0].scorer.params))
        registry.import_packages(info)
        result: BatchResult[ScoringJob] = BatchResult()
        began = time.monotonic()
        waiting = [list(jobs)]
        while waiting:
            part = waiting.pop()
            if result.rows and time.monotonic() - began > self.batch_budget_s:
                result.unfinished = [job for some in (part, *reversed(waiting)) for job in some]
                break
            rows, start = self._rows(part, info), time.monotonic()
            try:
                with self.context.surroundings(info), time_limit(self.task_timeout_s):
                    choose_device(self.context.device_of(info))
                    _score(part, rows, data, info)
            except (TaskTimeout, Exception) as error:  # noqa: BLE001 - a failure is a row, never the end
                if len(part) > 1:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
                    continue
                status = "timeout" if isinstance(error, TaskTimeout) else "error"
                failure(rows[0], status, type(error).__name__, str(error), traceback.format_exc())
                rows[0]["wall_s"] = time.monotonic() - start
            result.rows += rows
        return result

    def new_row(self, job: ScoringJob) -> Row:
        """Return a row with everything known before the job runs."""
        scorer = job.scorer
        return {
            "key": job.key, "study": self.study, "space": scorer.space, "dataset": scorer.dataset.name,
            "arch": job.text, "predictor": scorer.predictor, "params": scorer.params,
            "version": scorer.version, "replicate": scorer.replicate, "seed": scorer.seed, "attempts": 1,
        }  # fmt: skip

    def _rows(self, jobs: list[ScoringJob], info: PredictorInfo) -> list[Row]:
        common = {
            "started_at": datetime.now(UTC),
            "host": hostname(),
            "versions": versions(),
            "device": self.context.device_of(info),
        }
        return [self.new_row(job) | common for job in jobs]


def _score(jobs: list[ScoringJob], rows: list[Row], data: Observations, info: PredictorInfo) -> None:
    """Complete the rows of one call."""
    scorer = jobs[0].scorer
    predictor = registry.create(scorer.predictor, json.loads(scorer.params), seed=scorer.seed)
    query = data.of_others(np.array([job.arch for job in jobs], dtype=np.int16))
    began, cpu = time.perf_counter(), time.process_time()
    scores = predictor.predict(query)
    wall = (time.perf_counter() - began) / len(jobs)
    cpu = (time.process_time() - cpu) / len(jobs)
    taken, reasons = predictor.query_seconds_, predictor.undefined_
    now = datetime.now(UTC)
    for number, (row, score) in enumerate(zip(rows, scores.tolist(), strict=True)):
        row.update(
            wall_s=wall,
            cpu_s=cpu,
            seconds=wall if taken is None else float(taken[number]),
            setup_s=predictor.setup_seconds_ if "supernet" in info.needs else None,
        )
        if np.isfinite(score):
            row.update(status="ok", score=score, finished_at=now)
        else:
            why = reasons[number] if reasons else ""
            failure(row, "degenerate", "UndefinedScore", why or f"the score is {score}")

"""Training jobs become rows. A pure function of its arguments: no Ray, no disk."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.alarm import TaskTimeout, time_limit
from pipeline.building.cost import TARGET_S
from pipeline.evaluate import failure
from pipeline.provenance import hostname, peak_rss_mb, versions
from pipeline.rows import Row
from pipeline.work import BatchResult
from tasks.benchmarks.building.engine import engine_of
from tasks.benchmarks.building.job import TrainingJob
from tasks.plugins import run_source
from tasks.spaces.registry import get_space

CURVES = ("train_loss", "train_acc", "val_loss", "val_acc")


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """What a worker needs to know of a build.

    Attributes:
        study: Name of the build.
        recipe: All fields of its recipe; the object may be of a class that only a plug-in knows.
        task_timeout_s: Time limit of one job.
        device: Torch device.
        memory_share: Part of the device's memory that this process may use; 0 on a CPU.
        plugins: (file name, source text) of Python files that define the space or its engine.
    """

    study: str
    recipe: Mapping[str, Any]
    task_timeout_s: float
    device: str = "cpu"
    memory_share: float = 0.0
    plugins: tuple[tuple[str, str], ...] = ()

    @property
    def batch_budget_s(self) -> float:
        """A batch hands back what it has not begun after so long."""
        return TARGET_S

    def evaluate(self, jobs: Sequence[TrainingJob], data: Any) -> BatchResult[TrainingJob]:  # noqa: ANN401
        """Train jobs one after the other."""
        for file, source in self.plugins:
            run_source(file, source)
        if self.memory_share:
            _limit_memory(self.device, self.memory_share)
        result: BatchResult[TrainingJob] = BatchResult()
        began = time.monotonic()
        for number, job in enumerate(jobs):
            result.rows.append(self._train(job, data))
            if time.monotonic() - began > self.batch_budget_s:
                result.unfinished = list(jobs[number + 1 :])
                break
        return result

    def new_row(self, job: TrainingJob) -> Row:
        """Return a row with everything known before the job runs."""
        return {
            "key": job.key, "study": self.study, "identity": job.identity,
            "recipe": json.dumps(self.recipe, sort_keys=True), "space": job.space,
            "dataset": job.dataset, "index": job.index, "arch": job.text, "canonical": job.canonical,
            "runs": list(job.runs), "seeds": job.seeds, "attempts": 1,
        }  # fmt: skip

    def _train(self, job: TrainingJob, data: Any) -> Row:  # noqa: ANN401
        row = self.new_row(job)
        row.update(started_at=datetime.now(UTC), host=hostname(), versions=versions(), device=self.device)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            with time_limit(self.task_timeout_s):
                engine, space = engine_of(job.space), get_space(job.space)
                recipe = engine.make_recipe(self.recipe, f"build {self.study}")
                trained = engine.train_runs(space, job.arch, recipe, data, job.seeds, self.device)
                row.update(_measurements(trained, len(job.runs), recipe.epochs))
        except TaskTimeout as error:
            failure(row, "timeout", "TaskTimeout", str(error))
        except Exception as error:  # noqa: BLE001 - a failure of any kind is a row, never the end of the build
            failure(row, "error", type(error).__name__, str(error), traceback.format_exc())
        row.update(
            wall_s=time.perf_counter() - wall,
            cpu_s=time.process_time() - cpu,
            peak_rss_mb=peak_rss_mb(),
            finished_at=datetime.now(UTC),
        )
        return row


def _measurements(trained: Any, runs: int, epochs: int) -> Row:  # noqa: ANN401
    """Return the columns of a training; checks what the engine gave.

    Raises:
        ValueError: Arrays of a wrong shape, which is a fault of the engine.
    """
    columns: Row = {}
    for name in CURVES:
        curve = np.asarray(getattr(trained, name), dtype=np.float32)
        if curve.shape != (runs, epochs):
            raise ValueError(f"the engine gave {name} of shape {curve.shape}, must be {(runs, epochs)}")
        columns[name] = [_nullable(run) for run in curve]
    test_acc = np.asarray(trained.test_acc, dtype=np.float64)
    status = [str(word) for word in trained.status]
    if test_acc.shape != (runs,) or len(status) != runs:
        raise ValueError(
            f"the engine gave {test_acc.size} test accuracies, {len(status)} states for {runs} runs"
        )
    columns.update(
        test_acc=_nullable(test_acc),
        run_status=status,
        epoch_time_s=float(trained.seconds_per_epoch),
        params=int(trained.params),
        flops=int(trained.flops),
    )
    if "ok" in status:
        columns["status"] = "ok"
    else:
        failure(columns, "degenerate", "Diverged", f"none of {runs} runs came to an end: {', '.join(status)}")
    return columns


def _nullable(values: NDArray[np.floating]) -> list[float | None]:
    """Return numbers, null where there is none."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _limit_memory(device: str, share: float) -> None:
    import torch

    if device.startswith("cuda") and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(0.9 * share)

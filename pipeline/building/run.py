"""Running a build: what is missing is trained and stored."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from pipeline.building.plan import BuildPlan, rows_of_build, save_build
from pipeline.building.table import make_table
from pipeline.building.work import TrainingWork
from pipeline.execute.backend import Backend
from pipeline.execute.scheduler import Scheduler
from pipeline.execute.threads import limit_threads
from pipeline.progress import Reporter
from pipeline.run import RunSummary, drive
from pipeline.store import ResultStore
from tasks.benchmarks.building.job import TrainingJob
from tasks.benchmarks.io import write_table
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import RunError

TRIAL_ARCHITECTURES, TRIAL_EPOCHS = 3, (1, 3)
"""A trial trains so many architectures for so few epochs, and extrapolates along a line."""


def work_of(plan: BuildPlan, device: str) -> TrainingWork:
    """Return what workers need to know of a build."""
    build = plan.build
    share = plan.cost.share if device != "cpu" else 0.0
    return TrainingWork(build.name, build.recipe, build.task_timeout_s, device, share, build.sources)


def execute(
    plan: BuildPlan, store: ResultStore, backend: Backend, reporter: Reporter, device: str
) -> RunSummary:
    """Train what is left of a build. Everything finished is stored, however the run ends.

    Raises:
        StoreError: A result could not be written; the run stops, and what is stored stays stored.
    """
    save_build(store, plan)
    scheduler = Scheduler(plan.cost)
    scheduler.add(plan.todo)
    summary = RunSummary(planned=len(plan.texts), already=plan.done)
    if plan.todo:
        data = {plan.todo[0].task_name: plan.data}
        # A training is worth a file: none waits in memory for others.
        drive(scheduler, data, work_of(plan, device), store, backend, reporter, summary, flush_s=0.0)
    return summary


def measure(plan: BuildPlan, device: str) -> None:
    """Teach the cost model by a short trial in this process; nothing is stored.

    Raises:
        RunError: A trial training failed.
    """
    limit_threads()
    jobs, epochs = plan.todo[:TRIAL_ARCHITECTURES], int(plan.build.recipe["epochs"])
    seconds = {}
    for short in (TRIAL_EPOCHS[0], *TRIAL_EPOCHS):  # the first one also loads libraries, and is not counted
        recipe = _shortened(plan, min(short, epochs))
        work = dataclasses.replace(work_of(plan, device), recipe=recipe)
        seconds[short] = [_timed(work, job, plan.data) for job in jobs]
    low, high = TRIAL_EPOCHS
    for job, first, second in zip(jobs, seconds[low], seconds[high], strict=True):
        slope = max(second - first, 0.0) / (high - low)
        plan.cost.observe(job, first + slope * max(epochs - low, 0))


def _shortened(plan: BuildPlan, epochs: int) -> dict[str, Any]:
    mapping = plan.build.recipe | {"epochs": epochs}
    if "warmup_steps" in mapping:  # a warm-up may be longer than a shortened training
        mapping["warmup_steps"] = 0
    return mapping


def _timed(work: TrainingWork, job: TrainingJob, data: Any) -> float:  # noqa: ANN401
    [row] = work.evaluate([job], data).rows
    if row["status"] not in {"ok", "degenerate"}:
        raise RunError(
            f"the trial training of {job.text} failed: {row['error_type']}: {row['error_message']}"
        )
    return float(row["wall_s"])


def write_benchmark(
    plan: BuildPlan, store: ResultStore, target: Path | None
) -> tuple[str, BenchmarkTable] | None:
    """Write the benchmark table of whatever is finished; None if nothing is.

    Args:
        plan: The build.
        store: Holds its trainings.
        target: A local file; None for ``<space>-<dataset>.parquet`` in the output itself.

    Returns:
        Where the table is, and the table.

    Raises:
        StoreError: The output cannot be read or written.
        OSError: The local file cannot be written.
    """
    rows = rows_of_build(store, plan.build.identity)
    made = make_table(rows, plan.build, plan.data.info, plan.texts)
    if made is None:
        return None
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        return str(target), write_table(target, *made)
    name = f"{plan.build.space}-{plan.data.info.name}.parquet"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        table = write_table(path, *made)
        store.write_bytes(name, path.read_bytes())
    return f"{store.root}/{name}", table

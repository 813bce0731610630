"""Running a study: what is missing is planned, executed and stored."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.cost import CostModel
from pipeline.encode import encoded_tables
from pipeline.evaluate import Context, failure, new_row
from pipeline.execute.backend import Backend
from pipeline.execute.scheduler import Scheduler
from pipeline.plan import Plan, make_plan
from pipeline.progress import FAILED, Guard, Reporter
from pipeline.proxies import proxies_of
from pipeline.rows import Row
from pipeline.store import ResultStore
from pipeline.study import Study
from pipeline.tables import load_tables
from pipeline.work import BatchResult, J, Work
from predictors import registry
from predictors.base import PredictorInfo
from predictors.zero_cost.scoring import Proxy, Setting
from tasks.benchmarks.table import BenchmarkTable
from tasks.task import Task

FLUSH_ROWS, FLUSH_S = 1_000, 5.0
"""Results wait in the driver until there are so many, or so long; those that took long to compute
need not, see ``drive``. What a crash loses is small, and runs again because its keys are absent."""

GPU_SHARE = 0.25
"""Of a GPU, for one task of a small model: several keep it busier than one."""

SHOW_S = 0.25
"""Progress is shown at most so often."""

COST_COLUMNS = ["predictor", "params", "train_size", "status", "fit_cpu_s", "predict_cpu_s"]


@dataclass(slots=True)
class Prepared:
    """A study with its tables, tasks and what is left to do.

    Attributes:
        study: The study.
        tables: Measured tables by name.
        plan: All tasks.
        todo: Tasks that have no result yet.
        done: Number of tasks that have one.
        cost: Cost estimates, from stored results where there are any.
        device: ``cpu`` or ``cuda``, for predictors that can use a GPU.
    """

    study: Study
    tables: Mapping[str, BenchmarkTable]
    plan: Plan
    todo: list[Task]
    done: int
    cost: CostModel
    device: str = "cpu"


@dataclass(slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        planned: Tasks of the study.
        already: Of these, had a result before.
        statuses: Rows written by this run, by status.
        interrupted: Whether it was stopped by the user.
        wall_s: Wall seconds of execution.
    """

    planned: int
    already: int
    statuses: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    wall_s: float = 0.0

    @property
    def failed(self) -> int:
        """Rows of this run with status error, timeout or lost."""
        return sum(self.statuses[status] for status in FAILED)


class ResultSink:
    """Buffers results in the driver and writes them as whole files.

    Args:
        store: Takes the files.
        study: Name of the study, for predictions.
        scheduler: Tells what is left.
        reporter: Is told of the progress.
        flush_s: Seconds that results wait; None for ``FLUSH_S``. At 0, what has ended together is
            written together before the next batch begins.
    """

    def __init__(
        self,
        store: ResultStore,
        study: str,
        scheduler: Scheduler[Any],
        reporter: Reporter,
        *,
        flush_s: float | None = None,
    ) -> None:
        self._store, self._study, self._scheduler, self._reporter = store, study, scheduler, reporter
        self._flush_s = FLUSH_S if flush_s is None else flush_s
        self._rows: list[Row] = []
        self._predictions: dict[tuple[str, str], list[pa.Table]] = {}
        self._flushed = time.monotonic()
        self._shown = 0.0
        self._running = 0
        self._slots = 1
        self.statuses: Counter[str] = Counter()

    def take(self, result: BatchResult[Any]) -> None:
        """Take the rows of a batch."""
        self._rows += result.rows
        self.statuses.update(row["status"] for row in result.rows)
        if result.predictions is not None:
            first = result.rows[0]
            self._predictions.setdefault((first["space"], first["dataset"]), []).append(result.predictions)
        if len(self._rows) >= FLUSH_ROWS:
            self.flush()
        self._show_now_and_then()

    def in_flight(self, tasks: int) -> None:
        """Be told how many tasks are being worked on."""
        self._running = tasks
        if self._rows and time.monotonic() - self._flushed >= self._flush_s:
            self.flush()
        self._show_now_and_then()

    def slots(self, count: int) -> None:
        """Be told how many tasks can run at a time, for the estimate of the time left."""
        self._slots = max(1, count)

    def _show_now_and_then(self) -> None:
        if time.monotonic() - self._shown >= SHOW_S:
            self.show()

    def show(self) -> None:
        """Show the state now."""
        self._shown = time.monotonic()
        self._reporter.update(self.statuses, self._running, self._scheduler.remaining_s() / self._slots)

    def flush(self) -> None:
        """Write what is buffered. Predictions first: a stored row must not lack its predictions."""
        for (space, dataset), tables in list(self._predictions.items()):
            self._store.append_predictions(
                pa.concat_tables(tables), space=space, dataset=dataset, study=self._study
            )
            del self._predictions[space, dataset]
        if self._rows:
            self._store.append(self._rows)
            self._rows = []
        self._flushed = time.monotonic()


def prepare(study: Study, store: ResultStore | None, *, retry_failed: bool = False) -> Prepared:
    """Load tables, plan, and subtract what the store already holds."""
    for plugin in study.plugins:
        registry.register_file(plugin)
    tables = load_tables(study.tasks, study.benchmarks)
    plan = make_plan(study, tables)
    cost = CostModel(plan.infos)
    todo, done = plan.tasks, 0
    if store is not None:
        stored = store.done_keys(include_failed=not retry_failed)
        if len(stored):
            todo = absent(plan.tasks, stored)
            done = len(plan.tasks) - len(todo)
            if todo:
                cost.learn(store.read(COST_COLUMNS).to_pandas())
            plan.skipped = [pair for pair in plan.skipped if absent([pair[0]], stored)]
    return Prepared(study, tables, plan, todo, done, cost)


def absent(tasks: list[J], stored: pa.Array | pa.ChunkedArray) -> list[J]:
    """Return the jobs whose keys are not stored."""
    keys = pa.array([task.key for task in tasks], pa.string())
    known = pc.is_in(keys, value_set=stored).to_numpy(zero_copy_only=False)
    return [task for task, present in zip(tasks, known, strict=True) if not present]


def share_gpus(infos: dict[str, PredictorInfo]) -> None:
    """Give the predictors that can use a GPU a share of one, in the mapping that the cost model reads."""
    for name, info in infos.items():
        if info.gpu:
            infos[name] = replace(info, num_gpus=info.num_gpus or GPU_SHARE)


def context_of(
    study: Study, device: str = "cpu", out: str = "", planned: Iterable[tuple[str, str]] = ()
) -> Context:
    """Return what workers need to know of a study, of where it runs and of where results go.

    Args:
        study: The study.
        device: ``cpu`` or ``cuda``, for predictors that can use a GPU.
        out: Folder or URL of the results; empty if nothing computed on the way is to be kept.
        planned: Predictors and hyperparameters (canonical JSON) of what will run, each any number of times.
    """
    plugins = tuple((Path(file).name, Path(file).read_text(encoding="utf-8")) for file in study.plugins)
    proxies: dict[tuple[Setting, Proxy], None] = {}
    for name, params in dict.fromkeys(planned):
        proxies |= dict.fromkeys(proxies_of(name, params))
    return Context(
        study.name,
        study.task_timeout_s,
        study.save_predictions,
        plugins,
        device,
        scores=out,
        proxies=tuple(proxies),
    )


def execute(prepared: Prepared, store: ResultStore, backend: Backend, reporter: Reporter) -> RunSummary:
    """Run what is left of a study. Everything finished is stored, however the run ends.

    Raises:
        StoreError: A result could not be written; the run stops, and what is stored stays stored.
    """
    scheduler = Scheduler(prepared.cost)
    scheduler.add(prepared.todo)
    summary = RunSummary(planned=len(prepared.plan.tasks), already=prepared.done)
    planned = ((task.predictor, task.params) for task in prepared.plan.tasks)
    work = context_of(prepared.study, prepared.device, store.root, planned)
    skipped = _skipped_rows(prepared)
    tables = encoded_tables(prepared.tables, prepared.todo)
    drive(scheduler, tables, work, store, backend, reporter, summary, first=skipped)
    return summary


def drive(
    scheduler: Scheduler[J],
    data: Mapping[str, Any],
    work: Work[J],
    store: ResultStore,
    backend: Backend,
    reporter: Reporter,
    summary: RunSummary,
    *,
    first: Sequence[Row] = (),
    flush_s: float | None = None,
) -> None:
    """Run until nothing waits, or until Ctrl-C. Everything finished is stored, however the run ends.

    Args:
        scheduler: Holds the jobs that are to run.
        data: What the jobs share, by their ``task_name``.
        work: Turns jobs into rows.
        store: Takes the rows.
        backend: Runs the jobs.
        reporter: Is told of the progress.
        summary: Its statuses, end and time are filled in.
        first: Rows that are there before any job runs.
        flush_s: Seconds that finished rows wait to be written with others; None for ``FLUSH_S``.

    Raises:
        StoreError: A result could not be written; the run stops, and what is stored stays stored.
    """
    sink = ResultSink(store, work.study, scheduler, reporter, flush_s=flush_s)
    summary.statuses = sink.statuses
    began = time.monotonic()
    with Guard(reporter, scheduler.waiting + len(first)), _termination_interrupts():
        try:
            sink.take(BatchResult(list(first)))
            sink.slots(backend.slots)
            backend.run(scheduler, data, work, sink)
        except KeyboardInterrupt:
            summary.interrupted = True
        finally:
            sink.flush()
            sink.show()
    summary.wall_s = time.monotonic() - began


def _skipped_rows(prepared: Prepared) -> list[Row]:
    rows = []
    for task, reason in prepared.plan.skipped:
        row = new_row(task, prepared.plan.infos[task.predictor], prepared.study.name)
        rows.append(failure(row, "skipped", "NotApplicable", reason))
    return rows


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Treat SIGTERM (a stopped job, a scheduler's end) like Ctrl-C: store what is finished."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)

"""One batch of tasks -> result rows. A pure function of its arguments: no Ray, no disk."""

from __future__ import annotations

import itertools
import json
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.alarm import TaskTimeout, time_limit
from pipeline.checkpoints import open_checkpoints
from pipeline.judge import judge
from pipeline.provenance import hostname, peak_rss_mb, versions
from pipeline.rows import PREDICTION_SCHEMA, Row
from pipeline.scores import open_scores
from pipeline.work import BatchResult
from predictors import registry
from predictors.base import Predictor, PredictorInfo
from predictors.device import choose_device, on_device
from predictors.encoded_table import EncodedTable
from predictors.observations import Observations
from predictors.tuning import TunedPredictor
from predictors.weight_sharing.checkpoints import using_checkpoints
from predictors.zero_cost.cache import using_scores
from predictors.zero_cost.scoring import Proxy, Setting
from tasks.benchmarks.table import BenchmarkTable
from tasks.sampling import Draw, draw
from tasks.spaces.base import as_arch
from tasks.task import Task, canonical_params

BATCH_BUDGET_S = 5.0
"""A batch hands back what it has not begun after this long, so that a wrong cost estimate costs little."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker needs to know of the study.

    Attributes:
        study: Its name, a column of every row.
        task_timeout_s: Time limit of one task.
        save_predictions: Whether to return measured and predicted values.
        plugins: (file name, source text) of Python files that define further predictors.
        device: ``cpu`` or ``cuda``, for predictors that can use a GPU.
        scores: Folder or URL below which zero-cost scores and supernets are kept; empty to compute each of
            them anew.
        proxies: All zero-cost proxies of the study with their settings: scores of one setting are computed
            together.
    """

    study: str
    task_timeout_s: float = 900.0
    save_predictions: bool = False
    plugins: tuple[tuple[str, str], ...] = ()
    device: str = "cpu"
    scores: str = ""
    proxies: tuple[tuple[Setting, Proxy], ...] = ()

    @property
    def batch_budget_s(self) -> float:
        """A batch hands back what it has not begun after so long."""
        return BATCH_BUDGET_S

    def evaluate(self, tasks: Sequence[Task], table: BenchmarkTable) -> BatchResult[Task]:
        """Evaluate tasks of one predictor on one table."""
        return evaluate_batch(tasks, table, self)

    def new_row(self, task: Task) -> Row:
        """Return a row with everything known before the task runs."""
        return new_row(task, registry.get_info(task.predictor), self.study)

    def device_of(self, info: PredictorInfo) -> str:
        """Return where a predictor makes its tensors."""
        return self.device if info.gpu else "cpu"

    @contextmanager
    def surroundings(self, info: PredictorInfo) -> Iterator[None]:
        """What a predictor finds while it runs: a device, and what was computed before."""
        cache = open_scores(self.scores, self.study) if self.scores and "images" in info.needs else None
        kept = open_checkpoints(self.scores) if self.scores and "supernet" in info.needs else None
        with (
            on_device(self.device_of(info)),
            using_scores(cache, self.proxies),
            using_checkpoints(kept),
        ):
            yield


@dataclass(slots=True)
class _Trial:
    """One task on its way: what was drawn, the fitted predictor and the cost of the fit."""

    task: Task
    drawn: Draw
    predictor: Predictor
    fit_time_s: float = 0.0
    fit_cpu_s: float = 0.0


def evaluate_batch(tasks: Sequence[Task], table: BenchmarkTable, context: Context) -> BatchResult[Task]:
    """Evaluate tasks of one predictor on one table.

    Whatever a task raises becomes its row; only the end of the process ends a batch early.

    Args:
        tasks: Tasks that share predictor, hyperparameters and table.
        table: The measured table.
        context: What the study says.
    """
    for name, source in context.plugins:
        registry.register_source(name, source)
    result: BatchResult[Task] = BatchResult()
    saved: list[pa.Table] = []
    began = time.monotonic()
    info = registry.info_with(tasks[0].predictor, json.loads(tasks[0].params))
    registry.import_packages(info)
    for _, group in itertools.groupby(tasks, lambda task: task.group):
        members = list(group)
        together: dict[str, _Trial] = {}
        for task in members:
            if result.rows and not together and time.monotonic() - began > BATCH_BUDGET_S:
                result.unfinished = list(tasks[len(result.rows) :])
                break
            with context.surroundings(info):
                if task is members[0]:
                    together = _fit_together(members, table, info, context)
                row, predictions = _evaluate(task, table, info, context, together.get(task.key))
            result.rows.append(row)
            if predictions is not None:
                saved.append(predictions)
        if result.unfinished:
            break
    if saved:
        result.predictions = pa.concat_tables(saved)
    return result


def new_row(task: Task, info: PredictorInfo, study: str) -> Row:
    """Return a row with everything known before the task runs."""
    return {
        "key": task.key, "study": study, "predictor": task.predictor, "params": task.params,
        "version": task.version, "family": info.family, "space": task.space, "dataset": task.dataset,
        "experiment": task.experiment, "train_size": task.train_size, "epochs": task.epochs,
        "seed": task.seed, "sampling": task.sampling, "n_test": task.n_test, "attempts": 1,
    }  # fmt: skip


def failure(row: Row, status: str, error_type: str, message: str, trace: str | None = None) -> Row:
    """Turn a row into that of a task which has no result."""
    now = datetime.now(UTC)
    row.update(
        status=status,
        error_type=error_type,
        error_message=message[:10_000],
        traceback=trace[-20_000:] if trace else None,
        finished_at=now,
    )
    row.setdefault("started_at", now)
    return row


def _evaluate(
    task: Task, table: BenchmarkTable, info: PredictorInfo, context: Context, trial: _Trial | None
) -> tuple[Row, pa.Table | None]:
    row = new_row(task, info, context.study)
    row.update(started_at=datetime.now(UTC), host=hostname(), versions=versions())
    row.update(device=context.device_of(info))
    predictions = None
    try:
        choose_device(context.device_of(info))
        with time_limit(context.task_timeout_s):
            if trial is None:
                trial = _prepare(task, table)
                _fit(trial, table, info)
            measured, scores = _query(trial, table, info, row)
            if context.save_predictions:
                predictions = _prediction_table(trial, table, measured, scores)
    except TaskTimeout as error:
        failure(row, "timeout", "TaskTimeout", str(error))
    except Exception as error:  # noqa: BLE001 - a failure of any kind is a row, never the end of the run
        # Text, not the exception: it may not survive the way to the driver.
        failure(row, "error", type(error).__name__, _text(error), traceback.format_exc())
    row.update(finished_at=datetime.now(UTC), peak_rss_mb=peak_rss_mb())
    return row, predictions


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a broken __str__ must not hide the failure it belongs to
        return f"<{type(error).__name__} without a message>"


def _prepare(task: Task, table: BenchmarkTable) -> _Trial:
    drawn = draw(
        table, sampling=task.sampling, seed=task.seed, n_test=task.n_test, n_train=task.train_size or 0
    )
    return _Trial(task, drawn, registry.create(task.predictor, json.loads(task.params), seed=task.model_seed))


def _fit(trial: _Trial, table: BenchmarkTable, info: PredictorInfo) -> None:
    if "labels" not in info.needs:
        return
    train = _observe(table, trial.drawn.train, trial.task, info, labelled=True)
    wall, cpu = time.perf_counter(), time.process_time()
    trial.predictor.fit(train)
    trial.fit_time_s, trial.fit_cpu_s = time.perf_counter() - wall, time.process_time() - cpu


def _fit_together(
    tasks: Sequence[Task], table: BenchmarkTable, info: PredictorInfo, context: Context
) -> dict[str, _Trial]:
    """Fit tasks of one budget as one program where the predictor can; the cost is shared equally.

    Returns an empty dict if it cannot, or if the joint fit failed: each task is then fitted by
    itself, so that only the guilty one fails.
    """
    kind = registry.load_class(info.name)
    tuned = registry.TUNING in json.loads(tasks[0].params)
    if len(tasks) < 2 or tuned or "labels" not in info.needs or not _fits_together(kind):
        return {}
    try:
        with time_limit(context.task_timeout_s):
            trials = [_prepare(task, table) for task in tasks]
            trains = [_observe(table, t.drawn.train, t.task, info, labelled=True) for t in trials]
            wall, cpu = time.perf_counter(), time.process_time()
            kind.fit_many([trial.predictor for trial in trials], trains)
            share_wall = (time.perf_counter() - wall) / len(tasks)
            share_cpu = (time.process_time() - cpu) / len(tasks)
    except (TaskTimeout, Exception):  # noqa: BLE001 - told apart, and reported, by the single fits that follow
        return {}
    for trial in trials:
        trial.fit_time_s, trial.fit_cpu_s = share_wall, share_cpu
    return {trial.task.key: trial for trial in trials}


def _fits_together(kind: type[Predictor]) -> bool:
    """Whether a class has a ``fit_many`` of its own."""
    own = next(base for base in kind.__mro__ if "fit_many" in vars(base))
    return own is not Predictor


def _observe(
    table: BenchmarkTable, rows: NDArray[np.int64], task: Task, info: PredictorInfo, *, labelled: bool
) -> Observations:
    curves = {}
    if "curves" in info.needs:
        curves = {name: curve[rows, : task.epochs] for name, curve in table.curves.items()}
    return Observations(
        space=table.space,
        dataset=table.dataset,
        codes=table.codes[rows],
        targets=table.val_acc[rows] if labelled else None,
        curves=curves,
        total_epochs=table.epochs,
        encoded=table.encoded(rows) if isinstance(table, EncodedTable) else None,
    )


def _query(
    trial: _Trial, table: BenchmarkTable, info: PredictorInfo, row: Row
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predict the test set and complete the row; returns measured accuracies and predictions."""
    task, test = trial.task, trial.drawn.test
    query = _observe(table, test, task, info, labelled=False)
    wall, cpu = time.perf_counter(), time.process_time()
    scores = trial.predictor.predict(query)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    taken = trial.predictor.query_seconds_
    predict_s = wall / len(test) if taken is None else float(taken.mean())

    measured = table.val_acc[test]
    train_data_s = float(table.train_time_s[trial.drawn.train].sum()) if "labels" in info.needs else 0.0
    hpo_s = 0.0
    if isinstance(trial.predictor, TunedPredictor):
        hpo_s = trial.predictor.hpo_time_
        row.update(
            hpo_configs=len(trial.predictor.scores_),
            chosen_params=canonical_params(trial.predictor.chosen_),
        )
    partial_s = _partial_training(table, test, task.epochs or 0) if "curves" in info.needs else 0.0
    # What a store spared the fit counts as if it had been computed; what was computed counts once.
    setup_s = trial.predictor.setup_seconds_
    fit_s = max(trial.fit_time_s - trial.predictor.setup_wall_, 0.0)
    row.update(
        train_data_time_s=train_data_s,
        hpo_time_s=hpo_s,
        fit_time_s=max(fit_s - hpo_s, 0.0),
        setup_time_s=setup_s,
        init_time_s=train_data_s + fit_s + setup_s,
        partial_train_time_s=partial_s,
        predict_time_s=predict_s,
        query_time_s=partial_s + predict_s,
        fit_cpu_s=trial.fit_cpu_s,
        predict_cpu_s=cpu,
    )
    verdict = judge(measured, scores, info, trial.predictor.undefined_)
    row.update(verdict.columns)
    message = "; ".join(filter(None, (verdict.message, trial.predictor.notice_)))
    if verdict.error_type:
        failure(row, "degenerate", verdict.error_type, message)
    else:
        row.update(status="ok", error_message=message or None)
    return measured, scores


def _partial_training(table: BenchmarkTable, rows: NDArray[np.int64], epochs: int) -> float:
    """Return the mean seconds of the first epochs of these architectures' training."""
    if table.epoch_time_s is not None:
        return float(table.epoch_time_s[rows].mean() * epochs)
    # A table without times of epochs may still say how long the full training took.
    return float(table.train_time_s[rows].mean() * epochs / (table.epochs or epochs))


def _prediction_table(
    trial: _Trial, table: BenchmarkTable, measured: NDArray[np.float64], scores: NDArray[np.float64]
) -> pa.Table:
    archs = [table.space.format(as_arch(codes)) for codes in table.codes[trial.drawn.test]]
    keys = [trial.task.key] * len(archs)
    return pa.table(
        {"key": keys, "arch": archs, "y_true": measured, "y_pred": scores}, schema=PREDICTION_SCHEMA
    )

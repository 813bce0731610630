"""The predictor x task matrix at one budget, for the terminal, the figure and the page."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.budgets import at_budget, common_budget
from pipeline.report.curves import optional_ints

CellKind = Literal["ok", "failed", "missing", "skipped"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One predictor on one task.

    Attributes:
        kind: ``ok`` if any trial is; else what became of them: all failed, none has run, or the
            predictor cannot run here.
        mean: Mean tau over the ok trials; NaN if there are none.
        low: Lower end of the 95 % interval; NaN if unknown.
        high: Upper end.
        zero: Mean tau with failures counted as 0; NaN if no trial was made.
        n_trials: Trials with a row.
        n_failed: Failed or degenerate ones among them.
        n_missing: Trials that were planned and have no row.
        train_size: Training architectures used; None if it uses none.
        epochs: Epochs of partial training per query; None if it uses none.
        smaller: Whether its budget is smaller than the column's, for lack of a larger one.
    """

    kind: CellKind
    mean: float
    low: float
    high: float
    zero: float
    n_trials: int
    n_failed: int
    n_missing: int
    train_size: int | None
    epochs: int | None
    smaller: bool


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Tau per predictor (rows, best first) and task (columns).

    Attributes:
        labels: Predictor variants. The order is by the mean over tasks of ``zero`` minus the
            task's mean, so that a predictor gains nothing by leaving out a hard task.
        tasks: Task names.
        budgets: Per task the column's training size and epochs; None if no predictor uses them.
        cells: Per label one cell per task; None if that pair was neither planned nor run.
        means: Per label the mean of ``zero`` over the tasks; None unless all are known.
    """

    labels: tuple[str, ...]
    tasks: tuple[str, ...]
    budgets: tuple[tuple[int | None, int | None], ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    means: tuple[float | None, ...]


def heat_map(summary: pd.DataFrame, train_size: int | None = None) -> HeatMap:
    """Return the matrix at a training size, by default each task's largest that all predictors share.

    Every predictor stands with its largest budget that fits; ``smaller`` tells when it is less
    than the column's. The epochs are always the task's largest shared ones.
    """
    budgets = common_budget(summary)
    if train_size is not None:
        budgets["train_size"] = budgets["train_size"].mask(budgets["train_size"].notna(), train_size)
    tasks = [str(task) for task in budgets["task"]]
    limits = dict(
        zip(tasks, zip(*(optional_ints(budgets[axis]) for axis in _AXES), strict=True), strict=True)
    )
    chosen = at_budget(summary, budgets)[_NEEDED].to_dict("records")
    cells = {(str(row["label"]), str(row["task"])): _cell(row, *limits[str(row["task"])]) for row in chosen}
    labels = sorted({label for label, _ in cells})
    zero = np.array([[_zero(cells.get((label, task))) for task in tasks] for label in labels])
    order = _order(zero.reshape(len(labels), len(tasks)))
    return HeatMap(
        labels=tuple(labels[i] for i in order),
        tasks=tuple(tasks),
        budgets=tuple(limits.values()),
        cells=tuple(tuple(cells.get((labels[i], task)) for task in tasks) for i in order),
        means=tuple(None if np.isnan(zero[i]).any() else float(zero[i].mean()) for i in order),
    )


_AXES = ("train_size", "epochs")
_COUNTS = ("trials", "ok", "failed", "degenerate", "skipped", "missing")
_STATISTICS = ("mean", "low", "high", "zero")
_NEEDED = [
    "task", "label", *_AXES, *(f"n_{name}" for name in _COUNTS), *(f"kendall_{name}" for name in _STATISTICS),
]  # fmt: skip


def _cell(row: Mapping[Hashable, Any], size: int | None, length: int | None) -> Cell:
    own_size, own_length = (
        None if pd.isna(row[name]) else int(row[name]) for name in ("train_size", "epochs")
    )
    trials, ok, skipped, missing = (int(row[f"n_{name}"]) for name in ("trials", "ok", "skipped", "missing"))
    kind: CellKind = "ok" if ok else "missing" if not trials else "skipped" if skipped == trials else "failed"
    mean, low, high, zero = (float(row[f"kendall_{name}"]) for name in _STATISTICS)
    return Cell(
        kind=kind,
        mean=mean,
        low=low,
        high=high,
        zero=zero,
        n_trials=trials,
        n_failed=int(row["n_failed"]) + int(row["n_degenerate"]),
        n_missing=missing,
        train_size=own_size,
        epochs=own_length,
        smaller=(own_size is not None and own_size != size)
        or (own_length is not None and own_length != length),
    )


def _zero(cell: Cell | None) -> float:
    return math.nan if cell is None else cell.zero


def _order(zero: np.ndarray) -> list[int]:
    """Rows by falling mean of the task-centred values; rows without any value last."""
    known = np.isfinite(zero)
    filled = np.where(known, zero, 0.0)
    centre = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    gain = np.where(known, filled - centre, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    score = np.where(known.any(axis=1), gain, -np.inf)
    return [int(i) for i in np.argsort(-score, kind="stable")]

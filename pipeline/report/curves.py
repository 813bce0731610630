"""Data of the figures, free of any drawing: tau along a budget, over two budgets, and against time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.aggregate import pareto_front, task_positions
from pipeline.report import text

BudgetAxis = Literal["train_size", "epochs"]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """Tau of one predictor along a budget; arrays of equal length, x rising.

    Attributes:
        label: Predictor variant; decides the style.
        caption: What stands beside the line.
        x: Training architectures or epochs.
        mean: Mean tau over the ok trials; NaN where there are none.
        low: Lower end of its 95 % interval; NaN if unknown.
        high: Upper end.
        failed: Whether some trials at this point failed or were degenerate.
        notes: One sentence per point.
    """

    label: str
    caption: str
    x: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    failed: NDArray[np.bool_]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """The curves of one task.

    Attributes:
        task: Name.
        lines: Predictors that use the budget; may be single points.
        references: Label and tau of predictors that use no budget at all.
    """

    task: str
    lines: tuple[Line, ...]
    references: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class BudgetGrid:
    """Tau of one predictor on one task over training size (rows) and epochs (columns).

    NaN where no trial was ok.
    """

    task: str
    label: str
    train_sizes: NDArray[np.int64]
    epochs: NDArray[np.int64]
    tau: FloatArray


@dataclass(frozen=True, slots=True)
class TimePanel:
    """All settings of one task with known times.

    Attributes:
        task: Name.
        label: Predictor variant of each point.
        caption: Predictor and budget of each point.
        init: Initialisation time, seconds.
        query: Query time per architecture, seconds.
        tau: Mean tau with failures counted as 0.
        error: Its standard error; NaN below two trials.
        train_size: Training architectures; 0 if it uses none.
        epochs: Epochs of partial training per query; 0 if it uses none.
        front: Whether it is on the Pareto front of the three.
    """

    task: str
    label: tuple[str, ...]
    caption: tuple[str, ...]
    init: FloatArray
    query: FloatArray
    tau: FloatArray
    error: FloatArray
    train_size: NDArray[np.int64]
    epochs: NDArray[np.int64]
    front: NDArray[np.bool_]


def curve_panels(summary: pd.DataFrame, axis: BudgetAxis) -> list[CurvePanel]:
    """Return a panel per task, or nothing if no predictor was measured at two values of ``axis``.

    A predictor that was swept along both budgets is left out: `budget_grids` shows it.
    """
    other = "epochs" if axis == "train_size" else "train_size"
    panels, varied = [], False
    for task, positions in task_positions(summary).items():
        part = summary.iloc[positions]
        tried = (part["n_trials"] > part["n_skipped"]) | (part["n_missing"] > 0)
        swept = part[part[axis].notna() & tried]
        swept = swept[swept.groupby("label")[other].transform("nunique") <= 1]
        lines = [
            _line(str(label), rows.sort_values(axis), axis, other) for label, rows in swept.groupby("label")
        ]
        varied = varied or any(len(line.x) > 1 for line in lines)
        flat = part[part["train_size"].isna() & part["epochs"].isna() & part["kendall_mean"].notna()]
        references = tuple(zip(flat["label"].astype(str), flat["kendall_mean"].astype(float), strict=True))
        if lines:
            panels.append(CurvePanel(task, tuple(lines), references))
    return panels if varied else []


def shown_values(panels: Sequence[CurvePanel], widest: float = 0.15) -> list[FloatArray]:
    """Return what the axis of these panels must hold: all means, and the intervals that are not wide.

    An interval over two or three trials may span several times the range of the means.
    """
    values = [np.array([value for _, value in panel.references]) for panel in panels]
    for panel in panels:
        for line in panel.lines:
            narrow = line.high - line.low <= 2 * widest
            values += [line.mean, line.low[narrow], line.high[narrow]]
    return values


def budget_grids(summary: pd.DataFrame) -> list[BudgetGrid]:
    """Return a grid per task and predictor that was swept along both budgets."""
    both = summary[summary["train_size"].notna() & summary["epochs"].notna()]
    grids = []
    for (task, label), rows in both.groupby(["task", "label"]):
        if rows["train_size"].nunique() < 2 or rows["epochs"].nunique() < 2:
            continue
        table = rows.pivot_table(
            index="train_size", columns="epochs", values="kendall_mean", aggfunc="last", dropna=False
        )
        sizes, epochs = (axis.to_numpy(dtype=np.int64) for axis in (table.index, table.columns))
        grids.append(BudgetGrid(str(task), str(label), sizes, epochs, table.to_numpy(dtype=np.float64)))
    return grids


def time_panels(summary: pd.DataFrame) -> list[TimePanel]:
    """Return a panel per task that has a setting with known times and tau."""
    front = pareto_front(summary).to_numpy()
    known = summary[["init_time_s", "query_time_s", "kendall_zero"]].notna().all(axis=1).to_numpy()
    panels = []
    for task, positions in task_positions(summary).items():
        inside = positions[known[positions]]
        if not inside.size:
            continue
        part = summary.iloc[inside]
        captions = [
            f"{label} {text.budget(n, k)}".rstrip()
            for label, n, k in zip(part["label"], *(optional_ints(part[name]) for name in _AXES), strict=True)
        ]
        init, query, tau = (
            part[name].to_numpy(dtype=np.float64) for name in ("init_time_s", "query_time_s", "kendall_zero")
        )
        labels = tuple(part["label"].astype(str))
        sizes, lengths = (part[name].fillna(0).to_numpy(dtype=np.int64) for name in _AXES)
        errors = _standard_errors(part)
        panels.append(
            TimePanel(task, labels, tuple(captions), init, query, tau, errors, sizes, lengths, front[inside])
        )
    return panels


def _standard_errors(part: pd.DataFrame) -> FloatArray:
    """Standard error of ``kendall_zero``, from mean and sd of the ok trials and the number of zeros."""
    names = ("n_ok", "n_degenerate", "n_failed", "kendall_mean", "kendall_sd", "kendall_zero")
    ok, degenerate, failed, mean, sd, zero = (part[name].to_numpy(dtype=np.float64) for name in names)
    lost = degenerate + failed
    trials = ok + lost
    inside = np.where(ok > 1, (ok - 1) * sd**2, 0.0)
    between = np.where(ok > 0, ok * (mean - zero) ** 2, 0.0) + lost * zero**2
    variance = (inside + between) / np.maximum(trials - 1, 1) / np.maximum(trials, 1)
    return np.where(trials > 1, np.sqrt(variance), np.nan)


def front_names(panel: TimePanel) -> tuple[NDArray[np.intp], list[str]]:
    """Return the points of the front and the names of the first of them.

    Each predictor's best point stands first, in falling order of tau, then the other points.
    """
    front = np.flatnonzero(panel.front)
    ranked = front[np.argsort(-panel.tau[front], kind="stable")]
    labels = [panel.label[i] for i in ranked]
    first = np.array([labels.index(label) == i for i, label in enumerate(labels)], dtype=bool)
    order = np.concatenate([ranked[first], ranked[~first]]).astype(np.intp)
    return order, [panel.label[i] for i in ranked[first]]


def optional_ints(values: pd.Series) -> list[int | None]:
    """Return nullable integers as a list with None."""
    return [None if pd.isna(value) else int(value) for value in values]


_AXES = ("train_size", "epochs")


def _line(label: str, rows: pd.DataFrame, axis: BudgetAxis, other: str) -> Line:
    fixed = optional_ints(rows[other])[0]
    caption = label if fixed is None else f"{label} {'k' if other == 'epochs' else 'n'}={fixed}"
    x, mean, low, high = (
        rows[name].to_numpy(dtype=np.float64)
        for name in (axis, "kendall_mean", "kendall_low", "kendall_high")
    )
    lost = (rows["n_failed"] + rows["n_degenerate"]).to_numpy(dtype=np.int64)
    trials, missing = (rows[name].to_numpy(dtype=np.int64) for name in ("n_trials", "n_missing"))
    unit = "training architectures" if axis == "train_size" else "epochs"
    notes = []
    for i in range(len(x)):
        value = f"tau {text.tau(mean[i])} {text.interval(low[i], high[i])}".rstrip()
        note = f"{caption}, {int(x[i])} {unit}: {value if np.isfinite(mean[i]) else 'no trial succeeded'}"
        note += f"; {lost[i]} of {trials[i]} trials failed" if lost[i] else ""
        note += f"; {text.plural(int(missing[i]), 'trial')} missing" if missing[i] else ""
        notes.append(note)
    return Line(label, caption, x, mean, low, high, lost > 0, tuple(notes))

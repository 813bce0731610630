"""The full summary as rows of text, with the values to sort by."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.aggregate import pareto_front
from pipeline.report import text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the listing.

    Attributes:
        name: Heading.
        title: What it means.
        number: Whether it is aligned and sorted as a number.
    """

    name: str
    title: str
    number: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One summary row.

    Attributes:
        cells: Text and sort value per column; the sort value is empty where the text sorts itself.
        label: Predictor variant.
        state: ``ok``, ``failed`` if some trials failed, ``missing`` if some have no row.
    """

    cells: tuple[tuple[str, str], ...]
    label: str
    state: str


_METRICS = (
    ("spearman", "ρ", "Spearman rank correlation"),
    ("pearson", "r", "Pearson correlation, signed"),
    ("kendall_2dec", "τ .01", "tau with predictions rounded to 2 decimals"),
    ("kendall_1dec", "τ .1", "tau with predictions rounded to 1 decimal"),
    ("precision_10", "P@10", "share of the true top 10 among the predicted top 10"),
    ("precision_20", "P@20", "share of the true top 20 among the predicted top 20"),
    ("precision_1pct", "P@1%", "share of the true top 1 % among the predicted top 1 %"),
    ("mae", "MAE", "mean absolute error, percentage points"),
    ("rmse", "RMSE", "root mean squared error, percentage points"),
)
_TIMES = (
    ("init_time_s", "init", "median initialisation time"),
    ("query_time_s", "query", "median query time per architecture"),
    ("fit_cpu_s", "fit CPU", "median CPU time of the fit"),
    ("predict_cpu_s", "pred. CPU", "median CPU time of all predictions of a trial"),
)

COLUMNS = (
    Column("task", "space/dataset", number=False),
    Column("predictor", "name, with hyperparameters or version where several ran", number=False),
    Column("n", "training architectures"),
    Column("k", "epochs of partial training per query"),
    Column("trials", "ok trials, and what became of the others"),
    Column("τ", "mean Kendall tau over the ok trials"),
    Column("95 % interval", "Student t interval of the mean", number=False),
    Column("τ₀", "mean tau with failed and degenerate trials counted as 0; ranks predictors"),
    *(Column(name, title) for _, name, title in _TIMES),
    Column("front", "on the Pareto front of initialisation time, query time and tau", number=False),
    *(Column(name, title) for _, name, title in _METRICS),
)


def listing(summary: pd.DataFrame, most: int = 2000) -> tuple[list[Entry], int]:
    """Return the first ``most`` summary rows and how many are left out."""
    shown = summary.assign(front=pareto_front(summary)).head(most)
    return [_entry(row) for row in shown.to_dict("records")], max(len(summary) - most, 0)


def _entry(row: Mapping[Hashable, Any]) -> Entry:
    failed, missing = int(row["n_failed"]) + int(row["n_degenerate"]), int(row["n_missing"])
    state = "failed" if failed else "missing" if missing else "ok"
    cells = [
        (str(row["task"]), ""),
        (str(row["label"]), ""),
        _budget(row["train_size"]),
        _budget(row["epochs"]),
        (_trials(row), str(row["n_ok"])),
        _tau(row["kendall_mean"]),
        (text.interval(row["kendall_low"], row["kendall_high"]), ""),
        _tau(row["kendall_zero"]),
        *(_time(row[name]) for name, _, _ in _TIMES),
        ("●" if row["front"] else "", ""),
        *(_tau(row[f"{name}_mean"]) for name, _, _ in _METRICS),
    ]
    return Entry(tuple(cells), str(row["label"]), state)


def _trials(row: Mapping[Hashable, Any]) -> str:
    parts = [f"{row['n_ok']} ok"]
    for name in ("degenerate", "failed", "skipped", "missing"):
        if row[f"n_{name}"]:
            parts.append(f"{row[f'n_{name}']} {name}")
    return ", ".join(parts)


def _budget(value: Any) -> tuple[str, str]:  # noqa: ANN401 - an integer or pandas' NA
    return ("–", "-1") if pd.isna(value) else (str(int(value)), "")


def _tau(value: float) -> tuple[str, str]:
    return ("–", "") if not math.isfinite(value) else (text.tau(value), f"{value:.4g}" if value < 0 else "")


def _time(value: float) -> tuple[str, str]:
    return ("–", "") if not math.isfinite(value) else (text.seconds(value), f"{value:.3g}")

"""Failures grouped by their text, and the settings with trials that never ran."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.report import text
from pipeline.report.curves import optional_ints

_SHORT = 160
_FULL = 8000
_MOST_FULL = 300_000
"""Characters of one full message, and of all together: the page stays small."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Trials that ended in the same way.

    Attributes:
        status: As in the rows.
        error_type: Exception class; empty if none.
        message: First characters of the message, on one line.
        full: The whole message, cut after some thousand characters; empty if ``message`` says all.
        traceback: Traceback of the example; empty if none.
        count: Number of trials.
        predictors: Names.
        tasks: Names.
        example_key: Key of one trial.
    """

    status: str
    error_type: str
    message: str
    full: str
    traceback: str
    count: int
    predictors: tuple[str, ...]
    tasks: tuple[str, ...]
    example_key: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Trials of one predictor on one task that were planned and have no row.

    Attributes:
        task: Name.
        label: Predictor variant.
        missing: Number of trials without a row.
        planned: Number of trials of that predictor on that task with and without.
        budgets: The budgets at which they are missing, with counts.
    """

    task: str
    label: str
    missing: int
    planned: int
    budgets: str


def failure_groups(rows: pd.DataFrame, most: int = 40) -> tuple[list[FailureGroup], int]:
    """Return the most frequent groups of trials that are not ok, and how many trials are in the rest."""
    failed = rows[rows["status"] != "ok"]
    by = ["status", "error_type", "error_message"]
    failed = failed.assign(**{name: failed[name].fillna("").astype(str) for name in by})
    failed = failed.assign(_task=failed["space"] + "/" + failed["dataset"])
    found = failed.groupby(by, sort=True).agg(
        count=("key", "size"),
        key=("key", "first"),
        traceback=("traceback", "first"),
        predictors=("predictor", lambda names: tuple(sorted(set(names)))),
        tasks=("_task", lambda names: tuple(sorted(set(names)))),
    )
    found = found.sort_values("count", ascending=False, kind="stable").reset_index()
    groups, room = [], _MOST_FULL
    for row in found.head(most).to_dict("records"):
        message = str(row["error_message"])
        line = text.shorten(" ".join(message[: 2 * _SHORT].split()), _SHORT)
        full = "" if line == message else _cut(message, min(_FULL, room))
        trace = "" if pd.isna(row["traceback"]) else _cut(str(row["traceback"]), min(_FULL, room - len(full)))
        room = max(room - len(full) - len(trace), 200)
        groups.append(
            FailureGroup(
                status=str(row["status"]),
                error_type=str(row["error_type"]),
                message=line,
                full=full,
                traceback=trace,
                count=int(row["count"]),
                predictors=row["predictors"],
                tasks=row["tasks"],
                example_key=str(row["key"]),
            )
        )
    return groups, int(found["count"][most:].sum())


def gaps(summary: pd.DataFrame) -> list[Gap]:
    """Return where planned trials have no row, most of them first."""
    found = []
    for (task, label), group in summary.groupby(["task", "label"]):
        part = group[group["n_missing"] > 0]
        if part.empty:
            continue
        sizes, epochs = optional_ints(part["train_size"]), optional_ints(part["epochs"])
        missing = part["n_missing"].astype(int).tolist()
        planned = (part["n_missing"] + part["n_trials"]).astype(int).tolist()
        whole = int((group["n_missing"] + group["n_trials"]).sum())
        where = [
            f"{text.budget(n, k) or 'no budget'}: {some} of {all_}"
            for n, k, some, all_ in zip(sizes, epochs, missing, planned, strict=True)
        ]
        shown = "; ".join(where[:12]) + (f"; and {len(where) - 12} more" if len(where) > 12 else "")
        found.append(Gap(str(task), str(label), sum(missing), whole, shown))
    return sorted(found, key=lambda gap: -gap.missing)


def _cut(message: str, limit: int) -> str:
    """Keep both ends of a long text: the cause often stands last."""
    if len(message) <= limit:
        return message
    half = max(limit // 2, 100)
    left_out = len(message) - 2 * half
    if left_out <= 0:
        return message
    return f"{message[:half]}\n[… {text.count(left_out)} characters left out …]\n{message[-half:]}"

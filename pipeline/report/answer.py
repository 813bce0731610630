"""The headline: the best predictor of each task at each budget, ready to be written down."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.report import text


@dataclass(frozen=True, slots=True)
class Winner:
    """The best predictor of one task at one budget.

    Attributes:
        label: Predictor variant.
        used: Its own budget where that is smaller than the one allowed; else empty.
        value: Mean tau over its ok trials.
        tau: The same as text.
        interval: 95 % interval; empty if unknown.
        next: The runner-up, its tau and whether that lies in the interval; empty if there is none.
        clear: Whether every other predictor is worse beyond the paired interval; None if that
            cannot be said (a single predictor, or fewer than two common seeds).
        verdict: That in two or three words.
        detail: The paired comparison in full.
        failing: Share of its trials that failed; empty if none.
    """

    label: str
    used: str
    value: float
    tau: str
    interval: str
    next: str
    clear: bool | None
    verdict: str
    detail: str
    failing: str


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """Winners by one budget (rows) and task (columns), or by both budgets of one task.

    Attributes:
        caption: What stays fixed.
        corner: What the rows are.
        columns: Task names, or epochs.
        rows: Row names.
        cells: Per row one winner per column; None if nothing was measured.
        compact: Whether this is a grid over both budgets.
    """

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Winner | None, ...], ...]
    compact: bool


def answer_tables(best: pd.DataFrame) -> list[AnswerTable]:
    """Return a table over training sizes, one over epochs, and grids if both vary.

    Args:
        best: Result of `pipeline.budgets.best_by_budget`.
    """
    budgets = zip(best["task"], best["budget_train_size"], best["budget_epochs"], strict=True)
    keys = [(str(task), int(n), int(k)) for task, n, k in budgets]
    cells = dict(zip(keys, map(_winner, best.to_dict("records")), strict=True))
    tasks = sorted({task for task, _, _ in keys})
    sizes, epochs = sorted({n for _, n, _ in keys}), sorted({k for _, _, k in keys})
    tables = []
    if keys and (len(sizes) > 1 or len(epochs) == 1):
        k = epochs[0]
        fixed = "no partial training of the queries" if k == 0 else f"{text.plural(k, 'epoch')} per query"
        tables.append(
            _table(fixed, "training architectures", tasks, sizes, lambda task, n: cells.get((task, n, k)))
        )
    if len(epochs) > 1:
        n = sizes[0]
        fixed = "no training architectures" if n == 0 else text.plural(n, "training architecture")
        tables.append(
            _table(fixed, "epochs per query", tasks, epochs, lambda task, k: cells.get((task, n, k)))
        )
    if len(epochs) > 1 and len(sizes) > 1:
        for task in tasks:
            own_sizes = sorted({n for name, n, _ in keys if name == task})
            own_epochs = sorted({k for name, _, k in keys if name == task})
            grid = tuple(tuple(cells.get((task, n, k)) for k in own_epochs) for n in own_sizes)
            columns, names = (tuple(map(str, values)) for values in (own_epochs, own_sizes))
            tables.append(AnswerTable(task, "n \\ k", columns, names, grid, compact=True))
    return tables


def largest_budget(table: AnswerTable) -> list[tuple[str, str, Winner]]:
    """Return per column the winner in the last row that has one: column, row name, winner."""
    found = []
    for column, task in enumerate(table.columns):
        filled = [(name, row[column]) for name, row in zip(table.rows, table.cells, strict=True)]
        last = [(name, winner) for name, winner in filled if winner is not None][-1:]
        found += [(task, name, winner) for name, winner in last]
    return found


def _table(
    caption: str,
    corner: str,
    tasks: Sequence[str],
    budgets: Sequence[int],
    cell: Callable[[str, int], Winner | None],
) -> AnswerTable:
    rows = [(budget, tuple(cell(task, budget) for task in tasks)) for budget in budgets]
    rows = [(budget, winners) for budget, winners in rows if any(winners)]
    names = tuple("none" if budget == 0 else str(budget) for budget, _ in rows)
    return AnswerTable(
        caption, corner, tuple(tasks), names, tuple(winners for _, winners in rows), compact=False
    )


def _winner(row: Mapping[Hashable, Any]) -> Winner:
    used = [
        f"{name} = {int(row[axis])}"
        for name, axis in (("n", "train_size"), ("k", "epochs"))
        if not pd.isna(row[axis]) and row[axis] < row[f"budget_{axis}"]
    ]
    rate, runner_up = row["failure_rate"], row["runner_up"]
    clear, verdict, following, detail = None, "only one measured", "", ""
    if runner_up is not None:
        inside = {True: " (inside)", False: " (outside)", None: ""}[row["inside"]]
        following = f"next {runner_up} {text.tau(row['runner_up_kendall'])}{inside}"
        if row["n_pairs"] < 2:
            verdict = "no interval"
        else:
            tied = row["tied"]
            clear = not tied
            verdict = (
                "clear lead"
                if clear
                else f"tied with {text.shorten(tied[0], 24)}" + (f" +{len(tied) - 1}" if tied[1:] else "")
            )
            lead = f"{text.tau(row['lead'])} {text.interval(row['lead_low'], row['lead_high'])}"
            detail = (
                f"Lead over {runner_up}: {lead}, paired over {text.plural(int(row['n_pairs']), 'trial')}."
            )
            detail += f" Not separable from: {', '.join(tied)}." if tied else ""
    return Winner(
        label=str(row["label"]),
        used=", ".join(used),
        value=float(row["kendall_mean"]),
        tau=text.tau(row["kendall_mean"]),
        interval=text.interval(row["kendall_low"], row["kendall_high"]),
        next=following,
        clear=clear,
        verdict=verdict,
        detail=detail,
        failing=f"{rate:.0%} of its trials failed" if rate and rate > 0 else "",
    )

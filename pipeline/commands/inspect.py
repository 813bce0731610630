"""``naspred status``, ``results``, ``report`` and ``compact``: what a run has stored."""

from __future__ import annotations

import json as jsonlib
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from pipeline.aggregate import summarize
from pipeline.commands.reporting import existing_store, read_plans, read_rows, write_report
from pipeline.progress import FAILED
from pipeline.report.terminal import render_table
from pipeline.scores import compact_scores
from pipeline.scoring.rows import scoring_store
from pipeline.store import ResultStore, StoreWarning

PLAIN_WIDTH = 110
"""Columns of a table that goes to a file or a pipe."""


def console(*, quiet: bool = False) -> Console:
    """Return a console for standard output; plain and of fixed width if that is not a terminal."""
    screen = Console(file=sys.stdout, quiet=quiet)
    return screen if screen.is_terminal else Console(file=sys.stdout, quiet=quiet, width=PLAIN_WIDTH)


def show_results(summary: pd.DataFrame, screen: Console) -> None:
    """Print the table of Kendall tau by predictor and task."""
    render_table(summary, screen, plain=not screen.is_terminal)


def _read(directory: str) -> tuple[ResultStore, pd.DataFrame, pd.DataFrame | None]:
    store = existing_store(directory)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows, plans = read_rows(store), read_plans(store)
    for warning in caught:
        if issubclass(warning.category, StoreWarning):
            Console(stderr=True).print(f"[yellow]warning:[/yellow] {warning.message}", highlight=False)
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return store, rows, plans


def status(directory: str, *, json: bool) -> int:
    """Show how far a run is. Returns the exit code."""
    store, rows, plans = _read(directory)
    counts = {str(name): int(count) for name, count in rows["status"].value_counts().items()}
    summary = summarize(rows, plans)
    missing = int(summary["n_missing"].sum())
    planned = len(plans) if plans is not None else len(rows)
    last = rows["finished_at"].max() if len(rows) else None
    if json:
        document: dict[str, Any] = {
            "out": store.root,
            "planned": planned,
            "stored": len(rows),
            "missing": missing,
            "statuses": counts,
            "last_result_at": None if last is None else last.isoformat(),
            "damaged_files": [name for name, _ in store.damaged()],
        }
        Console(soft_wrap=True).print_json(data=document)
        return 0
    screen = console()
    screen.print(f"{store.root}", highlight=False, soft_wrap=True)
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing yet"
    when = f"; last result {last:%Y-%m-%d %H:%M:%S} UTC" if last is not None else ""
    screen.print(f"{planned} planned, {missing} missing: {parts}{when}", highlight=False)
    grouped = summary.groupby(["task", "label"], sort=True)[
        ["n_ok", "n_degenerate", "n_failed", "n_skipped", "n_missing"]
    ].sum()
    table = Table(box=None, header_style="bold")
    for column in ("task", "predictor"):
        table.add_column(column)
    for column in ("ok", "degenerate", "failed", "skipped", "missing"):
        table.add_column(column, justify="right")
    for (task, label), values in zip(grouped.index.to_list(), grouped.to_numpy().tolist(), strict=True):
        table.add_row(str(task), str(label), *("" if value == 0 else str(int(value)) for value in values))
    screen.print(table)
    return 0


def results(directory: str, *, csv: Path | None, json: bool) -> int:
    """Show the summary table. Returns the exit code."""
    _, rows, plans = _read(directory)
    summary = summarize(rows, plans)
    if csv is not None:
        csv.parent.mkdir(parents=True, exist_ok=True)
        summary.to_csv(csv, index=False)
    if json:
        Console(soft_wrap=True).print_json(data=jsonlib.loads(summary.to_json(orient="records")))
    else:
        show_results(summary, console())
    return 0


def report(directory: str, *, json: bool) -> int:
    """Write the report. Returns the exit code."""
    store, rows, plans = _read(directory)
    path, _ = write_report(store, rows, plans, Path(store.root).name)
    if json:
        Console(soft_wrap=True).print_json(data={"report": path})
    else:
        console().print(path, highlight=False, soft_wrap=True)
    return 0


def compact(directory: str, *, json: bool) -> int:
    """Merge small files of results, predictions and scores. Returns the exit code."""
    scored = scoring_store(directory)
    store = ResultStore(directory) if scored.has_results() else existing_store(directory)
    done = store.compact() + compact_scores(store.root) + scored.compact()
    if json:
        Console(soft_wrap=True).print_json(
            data={
                "files_before": done.files_before,
                "files_after": done.files_after,
                "rows_dropped": done.rows_dropped,
                "temporaries_removed": done.temporaries_removed,
                "damaged_files": [name for name, _ in done.damaged],
            }
        )
    else:
        console().print(
            f"{done.files_before} files became {done.files_after}; {done.rows_dropped} superseded rows and "
            f"{done.temporaries_removed} left-over temporary files removed",
            highlight=False,
        )
    return 0


def any_failed(rows: pd.DataFrame) -> bool:
    """Whether a row has status error, timeout or lost."""
    return bool(rows["status"].isin(sorted(FAILED)).any())

"""The predictor x task table in the terminal."""

from __future__ import annotations

import math

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report import text
from pipeline.report.heat import Cell, HeatMap, heat_map

_NAME = 24
"""Most characters of a predictor's name."""


def render_table(
    summary: pd.DataFrame, console: Console, *, train_size: int | None = None, plain: bool = False
) -> None:
    """Print tau per predictor (rows, best first) and task (columns) with 95 % intervals.

    Tasks that do not fit side by side go into further tables.

    Args:
        summary: Result of `pipeline.aggregate.summarize`.
        console: Where to print; its width decides the layout.
        train_size: Training size of all columns; by default each task's largest shared one.
        plain: No colours and, but for the names, ASCII only: for logs and pipes.
    """
    heat = heat_map(summary, train_size)
    if not heat.labels:
        console.print(Text("No results yet."))
        return
    shared = len(set(heat.budgets)) == 1
    columns = [_column(heat, j, plain=plain) for j in range(len(heat.tasks))]
    heads = [_head(heat, j, with_budget=not shared) for j in range(len(heat.tasks))]
    widths = [
        max(len(line) for line in [*head.split("\n"), *cells]) + 3
        for head, cells in zip(heads, columns, strict=True)
    ]
    room = console.width - min(_NAME, max(len(label) for label in heat.labels)) - 3
    for part in _chunks(widths, room):
        table = Table(box=None if plain else box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.header_style = "" if plain else "bold"
        table.add_column("predictor", overflow="ellipsis", no_wrap=True, max_width=_NAME)
        for j in part:
            table.add_column(Text(heads[j]), justify="right", no_wrap=True)
        styles = {j: _styles(heat, j) for j in part}
        for i, label in enumerate(heat.labels):
            cells = [Text(columns[j][i], style="" if plain else styles[j][i]) for j in part]
            table.add_row(Text(text.shorten(label, _NAME)), *cells)
        console.print(table)
    for line in _notes(summary, heat, shared=shared, plain=plain):
        console.print(Text(line, style="" if plain else "dim"))


def _column(heat: HeatMap, j: int, *, plain: bool) -> list[str]:
    """The cells of one task, marks padded so that the numbers stand below each other."""
    pairs = [_words(row[j], plain=plain) for row in heat.cells]
    wide = max(len(marks) for _, marks in pairs)
    return [value + marks.ljust(wide) for value, marks in pairs]


def _words(cell: Cell | None, *, plain: bool) -> tuple[str, str]:
    """Value and marks."""
    if cell is None:
        return "." if plain else "·", ""
    marks = f" !{cell.n_failed}" if cell.n_failed else ""
    marks += f" ?{cell.n_missing}" if cell.n_missing else ""
    marks += " <" if cell.smaller else ""
    if cell.kind != "ok":
        return cell.kind, marks
    half = (cell.high - cell.low) / 2
    spread = (" +/-" if plain else " ±") + f"{half:.3f}".removeprefix("0") if math.isfinite(half) else ""
    return f"{cell.mean:.3f}{spread}", marks


def _head(heat: HeatMap, j: int, *, with_budget: bool) -> str:
    parts = [*heat.tasks[j].split("/", 1), text.budget(*heat.budgets[j]) if with_budget else ""]
    return "\n".join(part for part in parts if part)


def _styles(heat: HeatMap, j: int) -> list[str]:
    """The best of a task stands out, failures counted as 0; so do failures and gaps."""
    cells = [row[j] for row in heat.cells]
    best = max((cell.zero for cell in cells if cell is not None and cell.kind == "ok"), default=math.nan)
    return [_style(cell, best) for cell in cells]


def _style(cell: Cell | None, best: float) -> str:
    if cell is None or cell.kind in ("missing", "skipped"):
        return "dim"
    if cell.kind == "failed":
        return "red"
    if cell.zero == best:
        return "bold green"
    return "yellow" if cell.n_failed or cell.n_missing else ""


def _chunks(widths: list[int], room: int) -> list[list[int]]:
    """Consecutive columns whose widths fit together; at least one each."""
    chunks: list[list[int]] = [[]]
    used = 0
    for j, width in enumerate(widths):
        if chunks[-1] and used + width > room:
            chunks.append([])
            used = 0
        chunks[-1].append(j)
        used += width
    return chunks


def _notes(summary: pd.DataFrame, heat: HeatMap, *, shared: bool, plain: bool) -> list[str]:
    """What the numbers and marks mean, those that occur only, and the totals."""
    cells = [cell for row in heat.cells for cell in row if cell is not None]
    at = text.budget(*heat.budgets[0]) if shared else ""
    spread = "+/-" if plain else "±"
    notes = [f"Mean Kendall tau{' at ' + at if at else ''} {spread} half of its 95 % interval over trials."]
    marks = []
    if any(cell.n_failed for cell in cells):
        marks.append("!n trials failed (0 in the ranking)")
    if any(cell.n_missing for cell in cells):
        marks.append("?n trials missing")
    if any(cell.smaller for cell in cells):
        marks.append("< smaller budget than the column's")
    if marks:
        notes.append("; ".join(marks) + ".")
    totals = {name: int(summary[f"n_{name}"].sum()) for name in _COUNTS}
    shown = [f"{number:,} {name}" for name, number in totals.items() if number or name == "ok"]
    notes.append(f"All budgets: {', '.join(shown)}.")
    return notes


_COUNTS = ("ok", "degenerate", "failed", "skipped", "missing")

"""``naspred list``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.commands.inspect import console
from pipeline.commands.predictor_list import predictor_records, show_all, show_one, tables_here
from predictors import registry
from tasks.benchmarks import catalog
from tasks.errors import InputError, did_you_mean
from tasks.spaces.registry import get_space, space_names

WHAT = ("predictors", "spaces", "benchmarks")


def show(
    what: str,
    names: Sequence[str],
    plugins: Sequence[Path],
    *,
    tasks: Sequence[str] = (),
    benchmarks: Sequence[Path] = (),
    json: bool,
) -> int:
    """List predictors, spaces or benchmarks. Returns the exit code.

    Args:
        what: One of ``WHAT``.
        names: Those to show in full; all, a line each, if empty.
        plugins: Files that define predictors.
        tasks: Tasks on which predictors might run; all that are known if empty.
        benchmarks: Files of further tables for ``tasks``.
        json: Whether to print JSON.
    """
    if what not in WHAT:
        raise InputError(f"list {what!r}: {did_you_mean(what, WHAT)}")
    if what != "predictors" and (tasks or benchmarks):
        raise InputError(f"list {what}: --tasks and --benchmark are for list predictors")
    for plugin in plugins:
        registry.register_file(plugin)
    if what == "predictors":
        records = predictor_records(tables_here(tasks, benchmarks), names)
    else:
        records = _named(what, _spaces() if what == "spaces" else _benchmarks(), names)
    if json:
        Console(soft_wrap=True).print_json(data={what: records})
        return 0
    screen = console()
    if what != "predictors":
        _show_table(records, screen)
    elif names:
        for record in records:
            show_one(record, screen)
    else:
        show_all(records, screen)
    return 0


def _named(what: str, records: list[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    known = [record["name"] for record in records]
    for name in names:
        if name not in known:
            raise InputError(f"list {what}: unknown name {name!r}; {did_you_mean(name, known)}")
    return [record for record in records if not names or record["name"] in names]


def _show_table(records: list[dict[str, Any]], screen: Console) -> None:
    table = Table(box=None, header_style="bold")
    hidden = {"why_not"}
    for column in records[0]:
        if column not in hidden:
            table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column == "name")
    for record in records:
        table.add_row(*(_cell(name, record) for name in record if name not in hidden))
    screen.print(table)
    # Below the table: a command would be broken up within a column.
    for record in records:
        if record.get("why_not"):
            screen.print(f"{record['name']}: {record['why_not']}", highlight=False, soft_wrap=True)


def _cell(name: str, record: dict[str, Any]) -> str:
    value = record[name]
    if name == "available":
        return "yes" if value else "no, see below"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "-" if value is None or value == "" else str(value)


def _spaces() -> list[dict[str, Any]]:
    records = []
    for name in space_names():
        layout = get_space(name).layout
        records.append(
            {
                "name": name,
                "cell": type(layout).__name__.removesuffix("Layout").lower(),
                "operations": list(layout.operations),
            }
        )
    return records


def _benchmarks() -> list[dict[str, Any]]:
    return [dict(record) for record in catalog.describe()]

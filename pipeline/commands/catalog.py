"""``naspred list``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.commands.inspect import console
from predictors import registry
from tasks.benchmarks import catalog
from tasks.errors import InputError, did_you_mean
from tasks.spaces.registry import get_space, space_names

WHAT = ("predictors", "spaces", "benchmarks")


def show(what: str, plugins: list[Path], *, json: bool) -> int:
    """List predictors, spaces or benchmarks. Returns the exit code."""
    if what not in WHAT:
        raise InputError(f"list {what!r}: {did_you_mean(what, WHAT)}")
    for plugin in plugins:
        registry.register_file(plugin)
    records = {"predictors": _predictors, "spaces": _spaces, "benchmarks": _benchmarks}[what]()
    if json:
        Console(soft_wrap=True).print_json(data={what: records})
        return 0
    table = Table(box=None, header_style="bold")
    hidden = {"why_not"}
    for column in records[0]:
        if column not in hidden:
            table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column == "name")
    for record in records:
        table.add_row(*(_cell(name, record) for name in record if name not in hidden))
    screen = console()
    screen.print(table)
    # Below the table: a command would be broken up within a column.
    for record in records:
        if record.get("why_not"):
            screen.print(f"{record['name']}: {record['why_not']}", highlight=False, soft_wrap=True)
    return 0


def _cell(name: str, record: dict[str, Any]) -> str:
    value = record[name]
    if name == "available":
        return "yes" if value else "no, see below"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "-" if value is None or value == "" else str(value)


def _predictors() -> list[dict[str, Any]]:
    records = []
    for info in registry.all_infos():
        installed, why_not = registry.installed(info)
        records.append(
            {
                "name": info.name,
                "family": info.family,
                "needs": sorted(info.needs),
                "spaces": sorted(info.spaces) if info.spaces is not None else ["any"],
                "summary": info.summary,
                "reference": info.reference,
                "available": installed,
                "why_not": why_not,
            }
        )
    return records


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

"""``naspred list predictors``: what there is, and on which tasks each can run here."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.tables import load_file, load_tables
from predictors import registry
from predictors.base import PredictorInfo
from tasks.benchmarks import catalog
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError, did_you_mean


def tables_here(tasks: Sequence[str], files: Sequence[Path]) -> dict[str, BenchmarkTable | str]:
    """Return the table of each task, or why it is not here, in the order of the names.

    Args:
        tasks: Tasks to look at; the whole catalog and every file if empty.
        files: The user's own tables.

    Raises:
        InputError: Unknown task, or a file that is wrong.
    """
    own = [load_file(file).name for file in files]
    described = {info["name"]: info for info in catalog.describe()}
    names = list(dict.fromkeys(tasks)) if tasks else sorted({*own, *described})
    absent = {
        name: described[name]["why_not"]
        for name in names
        if name in described and name not in own and not described[name]["available"]
    }
    loaded = load_tables([name for name in names if name not in absent], [str(file) for file in files])
    return {name: loaded.get(name, f"its table is not here: {absent.get(name)}") for name in names}


def predictor_records(
    tables: dict[str, BenchmarkTable | str], names: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return what is known of each predictor; ``tasks`` tells where it runs and why not elsewhere.

    Args:
        tables: Result of `tables_here`.
        names: Predictors; all if empty.

    Raises:
        InputError: Unknown predictor.
    """
    infos = registry.all_infos()
    wanted = list(names)
    known = [info.name for info in infos]
    for name in wanted:
        if name not in known:
            raise InputError(f"list predictors: unknown predictor {name!r}; {did_you_mean(name, known)}")
    return [_record(info, tables) for info in infos if not wanted or info.name in wanted]


def show_all(records: list[dict[str, Any]], screen: Console) -> None:
    """Print a line per predictor with a column per task, and below what the letters in it mean."""
    tasks = list(records[0]["tasks"]) if records else []
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("name", "family", "needs", "spaces"):
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for number in range(1, len(tasks) + 1):
        table.add_column(str(number), no_wrap=True)
    letters: dict[str, str] = {}
    for record in records:
        cells = []
        for task, state in record["tasks"].items():
            reason = _general(state["why_not"], task)
            cells.append("+" if state["runs"] else letters.setdefault(reason, _letter(len(letters))))
        words = (", ".join(record[name]) for name in ("needs", "spaces"))
        table.add_row(record["name"], record["family"], *words, *cells)
    screen.print(table)
    screen.print("\n+  runs here", highlight=False)
    for number, task in enumerate(tasks, 1):
        screen.print(f"{number}  {task}", highlight=False, soft_wrap=True)
    for reason, letter in letters.items():
        screen.print(f"{letter}  {reason}", highlight=False, soft_wrap=True)
    screen.print("\nMore on one of them: naspred list predictors NAME", highlight=False)


def show_one(record: dict[str, Any], screen: Console) -> None:
    """Print everything about one predictor."""
    screen.print(f"[bold]{record['name']}[/bold]  {record['summary']}", highlight=False, soft_wrap=True)
    facts = {
        "family": record["family"],
        "needs": ", ".join(record["needs"]) or "nothing",
        "curves": ", ".join(record["curves"]),
        "spaces": ", ".join(record["spaces"]),
        "budget": record["experiment"],
        "packages": ", ".join(record["packages"]),
        "reference": record["reference"],
        "version": record["version"],
    }
    for name, value in facts.items():
        if value != "":
            screen.print(f"  {name:<10} {value}", highlight=False, soft_wrap=True)
    if record["parameters"]:
        screen.print("  parameters")
    for name, parameter in record["parameters"].items():
        screen.print(
            f"    {name} = {parameter['default']!r}  ({parameter['allowed']})",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    screen.print("  tasks")
    for task, state in record["tasks"].items():
        verdict = "runs" if state["runs"] else f"does not run: {state['why_not']}"
        screen.print(f"    {task}  {verdict}", highlight=False, markup=False, soft_wrap=True)


def _record(info: PredictorInfo, tables: dict[str, BenchmarkTable | str]) -> dict[str, Any]:
    installed, why_not = registry.installed(info)
    return {
        "name": info.name,
        "family": info.family,
        "needs": sorted(info.needs),
        "curves": list(info.curves),
        "spaces": sorted(info.spaces) if info.spaces is not None else ["any"],
        "experiment": info.experiment,
        "packages": list(info.packages),
        "summary": info.summary,
        "reference": info.reference,
        "version": info.version,
        "available": installed,
        "why_not": why_not,
        "tasks": {name: _state(info, table) for name, table in tables.items()},
        "parameters": _parameters(info.name) if installed else {},
    }


def _state(info: PredictorInfo, table: BenchmarkTable | str) -> dict[str, Any]:
    runs, why_not = (False, table) if isinstance(table, str) else registry.availability(info, table)
    return {"runs": runs, "why_not": why_not}


def _parameters(name: str) -> dict[str, dict[str, Any]]:
    found = {}
    for key, parameter in registry.get_parameters(name).items():
        given = parameter.default is not inspect.Parameter.empty
        found[key] = {"default": parameter.default if given else None, "allowed": parameter.describe()}
    return found


def _general(reason: str, task: str) -> str:
    """One reason of several tasks in the same words."""
    return reason.replace(task, "the table")


def _letter(index: int) -> str:
    """A .. z, aa .. az, ba .."""
    more, last = divmod(index, len(ascii_lowercase))
    return (_letter(more - 1) if more else "") + ascii_lowercase[last]

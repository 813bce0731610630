"""``naspred run`` and ``naspred plan``."""

from __future__ import annotations

import json as jsonlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from pipeline.aggregate import variant_labels
from pipeline.commands.backends import check_device, open_backend, resource_shapes
from pipeline.commands.inspect import console, show_results
from pipeline.commands.reporting import read_rows, save_plan, write_report
from pipeline.cost import TARGET_S
from pipeline.execute.session import check_fits, offers_of_config
from pipeline.progress import choose_reporter, duration
from pipeline.run import Prepared, RunSummary, execute, prepare
from pipeline.store import ResultStore
from pipeline.study import Study
from tasks.errors import InputError
from tasks.task import Task


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Where and how a study runs; nothing here changes a result."""

    out: str | None = None
    address: str = "local"
    num_cpus: int | None = None
    serial: bool = False
    retry_failed: bool = False
    json: bool = False
    device: str = "cpu"


def run(study: Study, settings: RunSettings) -> int:
    """Run what is missing of a study, and show the results. Returns the exit code."""
    check_device(settings.device)
    out = settings.out or f"naspred-results/{study.name}"
    screen = console(quiet=settings.json)
    store = ResultStore(out)
    screen.print(f"[bold]{study.name}[/bold]: loading tables and planning", highlight=False)
    prepared = prepare(study, store, retry_failed=settings.retry_failed)
    _say_plan(screen, prepared, store.root)
    save_plan(store, study, expected_frame(prepared))
    summary = RunSummary(planned=len(prepared.plan.tasks), already=prepared.done)
    if prepared.todo or prepared.plan.skipped:
        summary = _execute(prepared, store, settings, screen)
    return _conclude(study, prepared, store, summary, screen, settings)


def _execute(prepared: Prepared, store: ResultStore, settings: RunSettings, screen: Console) -> RunSummary:
    reporter = choose_reporter(screen)
    names = {task.predictor for task in prepared.todo}
    serial = settings.serial or not prepared.todo
    with open_backend(screen, settings, names, prepared.plan.infos, serial=serial, out=store.root) as (
        backend,
        device,
    ):
        prepared.device = device
        return execute(prepared, store, backend, reporter)


def _shapes(tasks: list[Task], prepared: Prepared) -> list[dict[str, float]]:
    """Every different resource shape of the plan."""
    return resource_shapes({task.predictor for task in tasks}, prepared.plan.infos)


def _conclude(
    study: Study,
    prepared: Prepared,
    store: ResultStore,
    summary: RunSummary,
    screen: Console,
    settings: RunSettings,
) -> int:
    if summary.interrupted:
        stored = sum(summary.statuses.values())
        screen.print(
            f"interrupted; {stored} new results are stored in {store.root}. Run the same command to go on.",
            highlight=False,
        )
        if settings.json:
            _print_json(study, store, summary, None, None)
        return 130
    expected = expected_frame(prepared)
    rows = read_rows(store, set(expected["key"]))
    path, table = write_report(store, rows, expected, study.name, wall_s=summary.wall_s)
    if settings.json:
        _print_json(study, store, summary, table, path)
    else:
        show_results(table, screen)
        _say_end(screen, summary, store, path)
    return 1 if bool(rows["status"].isin(["error", "timeout", "lost"]).any()) else 0


def expected_frame(prepared: Prepared) -> pd.DataFrame:
    """Return every task of a study, run or not, as the report expects it."""
    tasks = [*prepared.plan.tasks, *(task for task, _ in prepared.plan.skipped)]
    names = ["key", "predictor", "params", "version", "space", "dataset", "experiment", "sampling", "n_test",
             "train_size", "epochs", "seed"]  # fmt: skip
    frame = pd.DataFrame([[getattr(task, name) for name in names] for task in tasks], columns=names)
    return frame.astype({"train_size": "Int64", "epochs": "Int64"})


def _say_plan(screen: Console, prepared: Prepared, root: str) -> None:
    cpu = sum(prepared.cost.estimate(task) for task in prepared.todo)
    text = f"{len(prepared.todo)} tasks to run, about {duration(cpu)} of CPU"
    if prepared.done:
        text += f"; {prepared.done} of {len(prepared.plan.tasks)} already in {root}"
    screen.print(text, highlight=False)
    for reason, count in Counter(reason for _, reason in prepared.plan.skipped).items():
        screen.print(f"[yellow]skipped[/yellow] {count} tasks: {reason}", highlight=False)


def _say_end(screen: Console, summary: RunSummary, store: ResultStore, path: str) -> None:
    if summary.wall_s:
        done = sum(summary.statuses.values())
        parts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items()))
        screen.print(f"{done} tasks in {duration(summary.wall_s)}: {parts}", highlight=False)
    if summary.failed:
        screen.print(
            f"[red]{summary.failed} failed[/red]; see the report; --retry-failed runs them again",
            highlight=False,
        )
    screen.print(f"results: {store.root}/results\nreport:  {path}", highlight=False, soft_wrap=True)


def _print_json(
    study: Study, store: ResultStore, summary: RunSummary, table: pd.DataFrame | None, path: str | None
) -> None:
    document: dict[str, Any] = {
        "study": study.name,
        "out": store.root,
        "planned": summary.planned,
        "already": summary.already,
        "statuses": dict(summary.statuses),
        "interrupted": summary.interrupted,
        "wall_s": round(summary.wall_s, 3),
        "report": path,
        "summary": None if table is None else jsonlib.loads(table.to_json(orient="records")),
    }
    Console(soft_wrap=True).print_json(data=document)


def submission_id(study: Study, attempt: int) -> str:
    """Return the id to submit a study to a cluster with: the same study, the same id.

    Ray refuses an id it has seen, so that submitting twice does no harm; a resumed study is a
    further attempt.
    """
    base = f"naspred-{study.hash[:16]}"
    return base if attempt == 1 else f"{base}-{attempt}"


def show_plan(
    study: Study, out: str | None, cluster: Path | None, *, price: float | None = None, json: bool = False
) -> int:
    """Show what a study would run. Returns the exit code.

    Raises:
        InputError: The study is wrong, or no node type of ``cluster`` can run it.
    """
    store = ResultStore(out) if out else None
    prepared = prepare(study, store)
    todo = prepared.todo
    groups = _by_variant(todo)
    costs = {name: sum(prepared.cost.estimate(task) for task in tasks) for name, tasks in groups.items()}
    shapes = _shapes(todo, prepared)
    if cluster is not None:
        if not cluster.is_file():
            raise InputError(f"--cluster {cluster}: no such file")
        check_fits(shapes, offers_of_config(cluster), complete=True)
    total = sum(costs.values())
    if json:
        document = {
            "study": study.name,
            "tasks": len(todo),
            "done": prepared.done,
            "skipped": len(prepared.plan.skipped),
            "cpu_hours": total / 3600,
            "batches": _batches(costs, groups),
            "shapes": shapes,
            "predictors": {name: {"tasks": len(groups[name]), "cpu_s": costs[name]} for name in groups},
        }
        Console(soft_wrap=True).print_json(data=document)
        return 0
    screen = console()
    table = Table(title=f"{study.name}: what would run", box=None, header_style="bold", title_justify="left")
    for column in ("predictor", "tasks", "CPU time", "per task", "estimate from"):
        table.add_column(column, justify="left" if column in {"predictor", "estimate from"} else "right")
    for name, tasks in sorted(groups.items(), key=lambda item: -costs[item[0]]):
        measured = prepared.cost.is_measured(tasks[0])
        source = "stored results" if measured else "a rough prior"
        each = costs[name] / len(tasks)
        table.add_row(name, f"{len(tasks):,}", duration(costs[name]), f"{each:.3g} s", source)
    screen.print(table)
    shape_text = "; ".join(
        ", ".join(f"{value:g} {name}" for name, value in shape.items()) for shape in shapes
    )
    screen.print(
        f"{len(todo):,} tasks in about {_batches(costs, groups):,} batches, {prepared.done:,} done already, "
        f"about {total / 3600:.3g} CPU hours"
        + (f", {total / 3600 * price:.2f} at {price:g} per CPU hour" if price is not None else ""),
        highlight=False,
    )
    screen.print(f"each worker needs a node with: {shape_text or 'nothing'}", highlight=False)
    for reason, count in Counter(reason for _, reason in prepared.plan.skipped).items():
        screen.print(f"[yellow]skipped[/yellow] {count} tasks: {reason}", highlight=False)
    return 0


def _by_variant(tasks: list[Task]) -> dict[str, list[Task]]:
    """Return the tasks of each predictor; by hyperparameters, too, where one predictor has several."""
    names = ["predictor", "params", "version"]
    frame = pd.DataFrame([[getattr(task, name) for name in names] for task in tasks], columns=names)
    groups: dict[str, list[Task]] = {}
    for label, task in zip(variant_labels(frame) if tasks else [], tasks, strict=True):
        groups.setdefault(label, []).append(task)
    return groups


def _batches(costs: dict[str, float], groups: dict[str, list[Task]]) -> int:
    return sum(min(len(tasks), max(1, round(costs[name] / TARGET_S))) for name, tasks in groups.items())

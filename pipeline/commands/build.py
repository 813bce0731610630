"""``naspred bench build``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from pipeline.building.build_file import Build, load_build, make_build
from pipeline.building.plan import BuildPlan, check_network, make_plan, rows_of_build
from pipeline.building.rows import training_store
from pipeline.building.run import execute, measure, write_benchmark
from pipeline.commands.bench import describe
from pipeline.commands.inspect import console
from pipeline.execute.actor_pool import ALLOWED_GPU_SHARES
from pipeline.progress import FAILED, choose_reporter, duration
from pipeline.run import RunSummary
from pipeline.store import ResultStore
from tasks.errors import InputError

SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """Where and how a build runs; nothing here changes a number, but for rounding on other devices.

    Attributes:
        out: Folder or URL of the trainings; None for ``naspred-benchmarks/<build>``.
        table: Local file of the benchmark table; None for one in the output.
        address: Of Ray.
        num_cpus: CPUs of a local Ray; None for all.
        gpus: GPU share of one training; 0 trains on CPUs.
        serial: Train in this process, without Ray.
        dry_run: Show what would be trained, and stop.
        table_only: Train nothing; write the table of what is finished.
        retry_failed: Train failed architectures again, too.
        json: Print one JSON document and nothing else.
    """

    out: str | None = None
    table: Path | None = None
    address: str = "local"
    num_cpus: int | None = None
    gpus: float = 0.0
    serial: bool = False
    dry_run: bool = False
    table_only: bool = False
    retry_failed: bool = False
    json: bool = False


def build_from_options(
    target: str, changes: dict[str, Any], settings: Sequence[str], plugins: Sequence[Path]
) -> Build:
    """Return the build of a file or a space with the options' changes.

    Args:
        target: Path of a build file, or name of a space.
        changes: Option values; None for those not given.
        settings: ``field=value`` pairs, for any field of a build file.
        plugins: Files that define the space, added to those of the build file.

    Raises:
        InputError: The file or an option is wrong.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    for pair in settings:
        name, equals, text = pair.partition("=")
        if not (equals and name and text):
            raise InputError(f"--set {pair!r}: give field=value, for example epochs=10")
        try:
            given[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"--set {pair!r}: the value is not YAML: {error}") from error
    files = [str(path.resolve()) for path in plugins]
    if Path(target).suffix in {".yaml", ".yml"}:
        build = load_build(target, given)
        return build if not files else load_build(target, {**given, "plugins": [*build.plugins, *files]})
    return make_build({"space": target, **({"plugins": files} if files else {}), **given}, "command line")


def build(chosen: Build, settings: BuildSettings) -> int:
    """Train what is missing of a build, and write its table. Returns the exit code.

    Raises:
        InputError: The build or a setting is wrong.
        StoreError: The output cannot be read or written.
    """
    if settings.gpus not in ALLOWED_GPU_SHARES:
        shares = ", ".join(f"{share:g}" for share in ALLOWED_GPU_SHARES)
        raise InputError(f"--gpus {settings.gpus:g}: allowed shares of a GPU are {shares}")
    if settings.serial and not settings.table_only:
        _check_gpu(settings)
    if settings.table is not None:
        _check_target(settings.table)
    store = training_store(settings.out or f"naspred-benchmarks/{chosen.name}")
    screen = console(quiet=settings.json)
    screen.print(f"[bold]{chosen.name}[/bold]: sampling architectures and loading data", highlight=False)
    plan = make_plan(chosen, store, gpu_share=settings.gpus, retry_failed=settings.retry_failed)
    if not settings.table_only:
        check_network(plan)
    if settings.dry_run:
        return _show_plan(plan, store, screen, settings)
    summary = RunSummary(planned=len(plan.texts), already=plan.done)
    if plan.todo and not settings.table_only:
        _say_plan(plan, store, screen)
        summary = _execute(plan, store, settings, screen)
    if summary.interrupted:
        screen.print(
            f"interrupted; {sum(summary.statuses.values())} new trainings are stored in {store.root}. "
            "Run the same command to go on, with --table-only for a table of what is finished.",
            highlight=False,
        )
        if settings.json:
            _print_json(plan, store, summary, None, _failures(plan, store))
        return 130
    return _conclude(plan, store, summary, screen, settings)


def _check_target(table: Path) -> None:
    """Check that the table can be written, before hours of training.

    Raises:
        InputError: A folder of that name is there, or a file where its folder would be.
    """
    if table.is_dir():
        raise InputError(f"--table {table}: is a folder; give the name of a file in it")
    nearest = next(parent for parent in table.absolute().parents if parent.exists())
    if not nearest.is_dir():
        raise InputError(f"--table {table}: {nearest} is a file, so there cannot be a folder of that name")


def _check_gpu(settings: BuildSettings) -> None:
    """Check that this process can train on the device that was asked for.

    Raises:
        InputError: It has no GPU.
    """
    if not settings.gpus:
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            f"--gpus {settings.gpus:g}: CUDA is not available to this process, which would train itself "
            "(--serial, or the short trial of --dry-run); leave out --gpus to train on CPUs"
        )


def _device(settings: BuildSettings) -> str:
    return "cuda" if settings.gpus else "cpu"


def _execute(plan: BuildPlan, store: ResultStore, settings: BuildSettings, screen: Console) -> RunSummary:
    reporter = choose_reporter(screen, "training")
    if settings.serial:
        from pipeline.execute.serial import SerialBackend

        return execute(plan, store, SerialBackend(), reporter, _device(settings))
    from pipeline.execute import session

    screen.print(f"starting Ray ({settings.address})", highlight=False)
    # Ray prints what its daemons say to standard output, which is for results.
    with redirect_stdout(sys.stderr), session.ray_session(settings.address, num_cpus=settings.num_cpus):
        from pipeline.execute.ray_backend import RayBackend

        shape = {"CPU": 1.0, "GPU": settings.gpus} if settings.gpus else {"CPU": 1.0}
        offers, complete = session.node_offers()
        for warning in session.check_fits([shape], offers, complete=complete):
            screen.print(f"[yellow]warning:[/yellow] {warning}; waiting for the autoscaler", highlight=False)
        return execute(plan, store, RayBackend(), reporter, _device(settings))


def _say_plan(plan: BuildPlan, store: ResultStore, screen: Console) -> None:
    build = plan.build
    text = f"{len(plan.todo):,} of {len(plan.texts):,} architectures to train, {build.runs} runs each"
    if plan.cost.is_measured:
        text += f", about {duration(_seconds(plan))} of CPU"
    if plan.done:
        text += f"; {plan.done:,} already in {store.root}"
    screen.print(text, highlight=False)


def _seconds(plan: BuildPlan) -> float:
    return sum(plan.cost.estimate(job) for job in plan.todo)


def _show_plan(plan: BuildPlan, store: ResultStore, screen: Console, settings: BuildSettings) -> int:
    """Show what would be trained; a few short trainings measure how long it takes."""
    source = "stored trainings"
    if plan.todo and not plan.cost.is_measured:
        source = "a short trial"
        _check_gpu(settings)
        measure(plan, _device(settings))
    if settings.json:
        document = {
            "build": plan.build.name,
            "architectures": len(plan.texts),
            "done": plan.done,
            "to_train": len(plan.todo),
            "runs": sum(len(job.runs) for job in plan.todo),
            "hours": _seconds(plan) / 3600,
            "estimate_from": source,
            "recipe": plan.build.recipe,
        }
        Console(soft_wrap=True).print_json(data=document)
        return 0
    _say_plan(plan, store, screen)
    if plan.todo:
        what = f"hours on {settings.gpus:g} GPU" if settings.gpus else "CPU hours"
        screen.print(f"about {_seconds(plan) / 3600:.3g} {what}, estimated from {source}", highlight=False)
    return 0


def _conclude(
    plan: BuildPlan, store: ResultStore, summary: RunSummary, screen: Console, settings: BuildSettings
) -> int:
    written, failures = write_benchmark(plan, store, settings.table), _failures(plan, store)
    if written is None and not failures and not summary.statuses:
        raise InputError(f"{store.root}: holds no finished training of {plan.build.name}; build it first")
    document = None
    if written is not None:
        path, table = written
        document = {"path": path, **describe(table)}
    if settings.json:
        _print_json(plan, store, summary, document, failures)
    else:
        _say_end(plan, summary, document, failures, screen)
    return 1 if failures else 0


def _failures(plan: BuildPlan, store: ResultStore) -> Counter[str]:
    """Count the messages of stored failures: one reason may have stopped many architectures."""
    columns = ["identity", "arch", "status", "error_type", "error_message"]
    rows, architectures = rows_of_build(store, plan.build.identity, columns), set(plan.texts)
    return Counter(
        f"{row['error_type']}: {row['error_message']}"
        for row in rows.to_pylist()
        if row["status"] in FAILED and row["arch"] in architectures
    )


def _say_end(
    plan: BuildPlan,
    summary: RunSummary,
    document: dict[str, Any] | None,
    failures: Counter[str],
    screen: Console,
) -> None:
    if summary.wall_s:
        parts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items()))
        screen.print(f"trained in {duration(summary.wall_s)}: {parts}", highlight=False)
    if failures:
        screen.print(
            f"[red]{failures.total()} failed[/red]; --retry-failed trains them again. Most often:",
            highlight=False,
        )
        for message, count in failures.most_common(SHOWN_FAILURES):
            screen.print(f"  {count} times {message}", highlight=False, markup=False)
    if document is None:
        screen.print("[red]no table:[/red] nothing is finished", highlight=False)
        return
    ceiling = (document.get("noise_ceiling") or {}).get("val_acc")
    noise = f"; Kendall tau of its target with itself {ceiling['tau']:.3f}" if ceiling else ""
    screen.print(
        f"{document['architectures']:,} of {len(plan.texts):,} architectures in the table{noise}",
        highlight=False,
    )
    screen.print(f"table: {document['path']}", highlight=False, soft_wrap=True)


def _print_json(
    plan: BuildPlan,
    store: ResultStore,
    summary: RunSummary,
    table: dict[str, Any] | None,
    failures: Counter[str],
) -> None:
    document: dict[str, Any] = {
        "build": plan.build.name,
        "out": store.root,
        "planned": summary.planned,
        "already": summary.already,
        "statuses": dict(summary.statuses),
        "interrupted": summary.interrupted,
        "wall_s": round(summary.wall_s, 3),
        "failures": dict(failures),
        "table": table,
    }
    Console(soft_wrap=True).print_json(data=document)

"""``naspred score``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.commands.backends import check_device, open_backend
from pipeline.commands.inspect import console
from pipeline.commands.options import ALL_READY, study_from_options, words
from pipeline.progress import FAILED, choose_reporter, duration
from pipeline.run import RunSummary
from pipeline.scoring.plan import ScoringPlan, make_plan
from pipeline.scoring.rows import scoring_store
from pipeline.scoring.run import execute
from pipeline.scoring.table import WrittenTable, write_tables
from pipeline.store import ResultStore
from pipeline.study import Study
from predictors.groups import GROUPS

SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What is scored, where and how; but for ``archs`` nothing here changes a score.

    Attributes:
        out: Folder or URL of the scores; None for ``naspred-results/<study>``.
        archs: ``all``, ``table`` or a text file; None for ``all``.
        named: Predictors that were asked for by name, and not as members of a group.
        address: Of Ray.
        num_cpus: CPUs of a local Ray; None for all.
        serial: Score in this process, without Ray.
        retry_failed: Try again what failed, too.
        device: ``cpu``, ``cuda`` or ``auto``.
        dry_run: Show what would be scored, and stop.
        json: Print one JSON document and nothing else.
    """

    out: str | None = None
    archs: str | None = None
    named: frozenset[str] = frozenset()
    address: str = "local"
    num_cpus: int | None = None
    serial: bool = False
    retry_failed: bool = False
    device: str = "cpu"
    dry_run: bool = False
    json: bool = False


def study_to_score(
    file: Path | None,
    predictors: str | None,
    tasks: str | None,
    trials: int | None,
    benchmarks: list[Path],
    plugins: list[Path],
) -> tuple[Study, frozenset[str]]:
    """Return the study of a file with the options' changes, and the predictors that these name.

    Without a file and ``trials`` there is one replicate.

    Raises:
        InputError: The file or an option is wrong.
    """
    trials = 1 if trials is None and file is None else trials
    study = study_from_options(file, predictors, tasks, None, None, trials, None, benchmarks, plugins)
    named = [] if predictors is None else words(predictors, "--predictors")
    return study, frozenset(named) - GROUPS.keys() - {ALL_READY}


def score(study: Study, settings: ScoreSettings) -> int:
    """Score what has no score yet, and write the tables. Returns the exit code.

    Raises:
        InputError: The study or a setting is wrong.
        StoreError: The output cannot be read or written.
    """
    check_device(settings.device)
    store = scoring_store(settings.out or f"naspred-results/{study.name}")
    screen = console(quiet=settings.json)
    screen.print(f"[bold]{study.name}[/bold]: loading tables and planning", highlight=False)
    plan = make_plan(
        study, store, archs=settings.archs, named=settings.named, retry_failed=settings.retry_failed
    )
    _say_plan(screen, plan, store)
    if settings.dry_run:
        return _show_plan(screen, plan, json=settings.json)
    summary = RunSummary(planned=len(plan.jobs), already=len(plan.jobs) - len(plan.todo))
    if plan.todo:
        names = {job.predictor for job in plan.todo}
        with open_backend(screen, settings, names, plan.infos, serial=settings.serial, out=store.root) as (
            backend,
            device,
        ):
            summary = execute(plan, store, backend, lambda doing: choose_reporter(screen, doing), device)
    return _conclude(plan, store, summary, screen, settings)


def _say_plan(screen: Console, plan: ScoringPlan, store: ResultStore) -> None:
    sizes = ", ".join(f"{len(codes):,} architectures of {name}" for name, codes in plan.codes.items())
    screen.print(f"{sizes}; {len(plan.todo):,} of {len(plan.jobs):,} scores to compute", highlight=False)
    if len(plan.todo) < len(plan.jobs):
        screen.print(f"the others are in {store.root}", highlight=False, soft_wrap=True)
    if plan.left_out:
        screen.print(
            f"left out, since they need labels or curves: {', '.join(plan.left_out)}", highlight=False
        )
    for name, reason in plan.skipped.items():
        screen.print(f"[yellow]skipped[/yellow] {name}: {reason}", highlight=False)


def _groups(plan: ScoringPlan) -> list[dict[str, Any]]:
    """Return what is to do for each predictor of each task."""
    first, rest = plan.stages()
    supernets = Counter((job.predictor, job.task_name) for job in first)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for job in [*first, *rest]:
        key = (job.predictor, job.task_name)
        entry = found.setdefault(
            key,
            {
                "predictor": job.predictor,
                "task": job.task_name,
                "scores": 0,
                "supernets": supernets[key],
                "cpu_s": supernets[key] * plan.infos[job.predictor].cost_s,
                "estimate_from": "stored scores" if plan.cost.is_measured(job) else "a rough prior",
            },
        )
        entry["scores"] += 1
        entry["cpu_s"] += plan.cost.estimate(job)
    return list(found.values())


def _show_plan(screen: Console, plan: ScoringPlan, *, json: bool) -> int:
    groups = _groups(plan)
    if json:
        document = {
            "study": plan.study.name,
            "planned": len(plan.jobs),
            "done": len(plan.jobs) - len(plan.todo),
            "to_score": groups,
            "left_out": plan.left_out,
            "skipped": plan.skipped,
        }
        Console(soft_wrap=True).print_json(data=document)
        return 0
    table = Table(box=None, header_style="bold")
    for column in ("predictor", "task", "scores", "supernets", "CPU time", "estimate from"):
        table.add_column(column, justify="right" if column in {"scores", "supernets", "CPU time"} else "left")
    for group in groups:
        count = str(group["supernets"] or "")
        table.add_row(
            group["predictor"], group["task"], f"{group['scores']:,}", count, duration(group["cpu_s"]),
            group["estimate_from"],
        )  # fmt: skip
    screen.print(table)
    screen.print("supernets that are stored already are not trained again", highlight=False)
    return 0


def _conclude(
    plan: ScoringPlan, store: ResultStore, summary: RunSummary, screen: Console, settings: ScoreSettings
) -> int:
    if summary.interrupted:
        screen.print(
            f"interrupted; {sum(summary.statuses.values())} new scores are stored in {store.root}. "
            "Run the same command to go on.",
            highlight=False,
        )
        if settings.json:
            _print_json(plan, store, summary, [], Counter())
        return 130
    tables, failures = write_tables(plan, store), _failures(plan, store)
    if settings.json:
        _print_json(plan, store, summary, tables, failures)
    else:
        _say_end(summary, tables, failures, screen)
    return 1 if failures else 0


def _failures(plan: ScoringPlan, store: ResultStore) -> Counter[str]:
    """Count the messages of stored failures: one reason may have stopped many scores."""
    rows = store.read(["key", "predictor", "status", "error_type", "error_message"]).to_pylist()
    bad = [row for row in rows if row["status"] in FAILED]
    keys = {job.key for job in plan.jobs} if bad else set()
    return Counter(
        f"{row['predictor']}: {row['error_type']}: {row['error_message']}"
        for row in bad
        if row["key"] in keys
    )


def _say_end(
    summary: RunSummary, tables: list[WrittenTable], failures: Counter[str], screen: Console
) -> None:
    if summary.wall_s:
        parts = ", ".join(f"{count:,} {status}" for status, count in sorted(summary.statuses.items()))
        screen.print(f"scored in {duration(summary.wall_s)}: {parts}", highlight=False)
    if failures:
        screen.print(f"[red]{failures.total()} failed[/red]; --retry-failed tries them again. Most often:")
        for message, count in failures.most_common(SHOWN_FAILURES):
            screen.print(f"  {count} times {message}", highlight=False, markup=False)
    for table in tables:
        shown = Table(box=None, header_style="bold")
        shown.add_column(table.task)
        shown.add_column("scores", justify="right")
        if table.measured:
            shown.add_column(f"Kendall tau, {table.measured:,} measured", justify="right")
        for name, count in table.columns.items():
            tau = table.kendall[name]
            shown.add_row(
                name, f"{count:,}", *["" if tau is None else f"{tau:.3f}"][: int(table.measured > 0)]
            )
        screen.print(shown)
        screen.print(f"{table.architectures:,} architectures: {table.path}", highlight=False, soft_wrap=True)


def _print_json(
    plan: ScoringPlan,
    store: ResultStore,
    summary: RunSummary,
    tables: list[WrittenTable],
    failures: Counter[str],
) -> None:
    document: dict[str, Any] = {
        "study": plan.study.name,
        "out": store.root,
        "planned": summary.planned,
        "already": summary.already,
        "statuses": dict(summary.statuses),
        "interrupted": summary.interrupted,
        "wall_s": round(summary.wall_s, 3),
        "failures": dict(failures),
        "left_out": plan.left_out,
        "skipped": plan.skipped,
        "tables": [asdict(table) for table in tables],
    }
    Console(soft_wrap=True).print_json(data=document)

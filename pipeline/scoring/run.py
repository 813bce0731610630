"""Running a scoring: supernets first, then everything else; what is finished is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.execute.backend import Backend
from pipeline.execute.scheduler import Scheduler
from pipeline.progress import FAILED, Reporter
from pipeline.run import RunSummary, context_of, drive
from pipeline.scoring.cost import ScoringCost
from pipeline.scoring.job import ScoringJob
from pipeline.scoring.plan import ScoringPlan
from pipeline.scoring.work import ScoringWork
from pipeline.store import ResultStore

SCORINGS = "scorings"
"""Folder of the output: the study of each scoring."""


def execute(
    plan: ScoringPlan,
    store: ResultStore,
    backend: Backend,
    reporter: Callable[[str], Reporter],
    device: str = "cpu",
) -> RunSummary:
    """Score what is left of a plan. Everything finished is stored, however the run ends.

    Each supernet is first trained, or found to be trained, by one job; those after it load its
    checkpoint. What needs a supernet whose training failed is not begun.

    Args:
        plan: The plan.
        store: Takes the rows.
        backend: Runs the jobs.
        reporter: Makes what is told of the progress of a stage, from what the stage does.
        device: ``cpu`` or ``cuda``, for predictors that can use a GPU.

    Raises:
        StoreError: A result could not be written; the run stops, and what is stored stays stored.
    """
    # Also makes the folder, without which workers keep no checkpoints.
    store.write_text(f"{SCORINGS}/{plan.study.name}.yaml", plan.study.to_yaml())
    planned = ((scorer.predictor, scorer.params) for scorer in plan.scorers)
    work = ScoringWork(context_of(plan.study, device, store.root, planned))
    total = RunSummary(planned=len(plan.jobs), already=len(plan.jobs) - len(plan.todo))

    def stage(jobs: Sequence[ScoringJob], cost: ScoringCost, doing: str) -> None:
        if not jobs or total.interrupted:
            return
        scheduler, summary = Scheduler(cost), RunSummary(planned=len(jobs), already=0)
        scheduler.add(jobs)
        drive(scheduler, plan.data, work, store, backend, reporter(doing), summary)
        total.statuses.update(summary.statuses)
        total.wall_s += summary.wall_s
        total.interrupted = summary.interrupted

    first, rest = plan.stages()
    stage(first, ScoringCost(plan.infos, plan.cost.target_s, per=1), "supernets")
    failed = _failed(first, store) if total.failed else set()
    stage([job for job in rest if job.queue not in failed], plan.cost, "scoring")
    return total


def _failed(jobs: Sequence[ScoringJob], store: ResultStore) -> set[tuple[str, ...]]:
    """Return the queues of jobs that failed."""
    rows = store.read(["key", "status"]).to_pydict()
    bad = {key for key, status in zip(rows["key"], rows["status"], strict=True) if status in FAILED}
    return {job.queue for job in jobs if job.key in bad}

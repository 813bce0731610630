"""What a scoring is to compute: predictors without labels on architectures, minus what is stored."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.plan import make_plan as plan_study
from pipeline.run import absent
from pipeline.scoring.architectures import architectures
from pipeline.scoring.cost import TARGET_S, ScoringCost
from pipeline.scoring.job import Scorer, ScoringJob
from pipeline.store import ResultStore
from pipeline.study import PredictorEntry, Study
from pipeline.tables import load_tables
from predictors import registry
from predictors.base import PredictorInfo
from predictors.observations import Observations
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.spaces.base import Codes, SearchSpace, as_arch
from tasks.task import Task

_LABELS = {"labels": "labelled architectures", "curves": "learning curves"}


@dataclass(slots=True)
class ScoringPlan:
    """The jobs of a scoring.

    Attributes:
        study: The study, with those of its predictors that are asked.
        tables: Measured tables by task.
        codes: Architectures of each task, each once, shape (n, code length).
        scorers: What scores them, in the order of the study.
        jobs: Everything to be scored.
        todo: Jobs that have no stored row.
        infos: What is known of each predictor.
        left_out: Predictors of the study that need labels or curves.
        skipped: Task and reason of what cannot run there.
        cost: Cost estimates, from stored scores where there are any.
    """

    study: Study
    tables: Mapping[str, BenchmarkTable]
    codes: dict[str, Codes]
    scorers: list[Scorer]
    jobs: list[ScoringJob]
    todo: list[ScoringJob]
    infos: dict[str, PredictorInfo]
    left_out: list[str]
    skipped: dict[str, str]
    cost: ScoringCost

    @property
    def data(self) -> dict[str, Observations]:
        """What workers need to know of each task: its space and data set."""
        return {
            name: Observations(table.space, table.dataset, self.codes[name][:0])
            for name, table in self.tables.items()
        }

    def stages(self) -> tuple[list[ScoringJob], list[ScoringJob]]:
        """Split what is to do: the first job of each supernet, which trains or loads it, and the rest."""
        first: dict[Scorer, ScoringJob] = {}
        for job in self.todo:
            if "supernet" in self.infos[job.predictor].needs:
                first.setdefault(job.scorer, job)
        trains = {id(job) for job in first.values()}
        return list(first.values()), [job for job in self.todo if id(job) not in trains]


def make_plan(
    study: Study,
    store: ResultStore | None,
    *,
    archs: str | None = None,
    named: Collection[str] = (),
    retry_failed: bool = False,
) -> ScoringPlan:
    """Choose predictors and architectures, and subtract what the store already holds.

    A replicate is what a trial is for ``naspred run`` of the same study: the same seed, hence the same
    supernet. Predictors without randomness have one replicate.

    Args:
        study: Predictors, tasks and number of replicates (trials).
        store: The scores so far, if any.
        archs: As for ``architectures``.
        named: Predictors that were asked for by name: one that needs labels is refused. Others of that
            kind are left out.
        retry_failed: Whether to try failed jobs again.

    Raises:
        InputError: Predictors that need labels, nothing that can run, or architectures that are not there.
    """
    for plugin in study.plugins:
        registry.register_file(plugin)
    study, left_out = _without_labels(study, named)
    tables = load_tables(study.tasks, study.benchmarks)
    planned = plan_study(study, tables)
    skipped = {f"{task.predictor} on {task.task_name}": reason for task, reason in planned.skipped}
    if not planned.tasks:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise InputError(f"no predictor can run: {reasons}")
    scorers = _scorers(planned.tasks, planned.infos, tables)
    codes = {name: architectures(archs, tables[name]) for name in {s.task_name for s in scorers}}
    used = {name: table for name, table in tables.items() if name in codes}
    jobs = _jobs(scorers, used, codes, planned.infos)
    cost = ScoringCost(planned.infos, target_s=min(TARGET_S, study.task_timeout_s / 4))
    todo = jobs
    if store is not None:
        stored = store.done_keys(include_failed=not retry_failed)
        if len(stored):
            todo = absent(jobs, stored)
            cost.learn(store.read(["predictor", "params", "status", "wall_s"]).to_pandas())
    return ScoringPlan(
        study, used, codes, scorers, jobs, todo, planned.infos, left_out, skipped, cost
    )  # fmt: skip


def _without_labels(study: Study, named: Collection[str]) -> tuple[Study, list[str]]:
    """Return the study with those predictors that need no labels, and the names of the others."""
    needs = {entry.name: _needs(entry) for entry in study.predictors}
    kept = [entry for entry in study.predictors if not needs[entry.name]]
    left_out = [name for name, need in needs.items() if need]
    refused = [name for name in left_out if name in named or not kept]
    if refused:
        reasons = ", ".join(f"{name} needs {needs[name]}" for name in refused)
        able = ", ".join(info.name for info in registry.all_infos() if not _LABELS.keys() & info.needs)
        raise InputError(
            f"predictors: {reasons}, which an architecture to be scored does not have; without run: {able}"
        )
    return study.model_copy(update={"predictors": kept}), left_out


def _needs(entry: PredictorEntry) -> str:
    """Say which labels a predictor needs; an empty text if none."""
    info = registry.info_with(entry.name, registry.changed_parameters(entry.name, entry.params))
    return " and ".join(text for need, text in _LABELS.items() if need in info.needs)


def _scorers(
    tasks: Sequence[Task], infos: Mapping[str, PredictorInfo], tables: Mapping[str, BenchmarkTable]
) -> list[Scorer]:
    found: dict[tuple[str, ...], list[Scorer]] = {}
    for task in tasks:
        scorers = found.setdefault(task.queue, [])
        # A supernet whose number is given is the same one in all trials.
        constant = infos[task.predictor].deterministic or "replicate" in json.loads(task.params)
        if constant and scorers:
            continue
        scorers.append(
            Scorer(
                predictor=task.predictor,
                params=task.params,
                version=task.version,
                space=task.space,
                dataset=tables[task.task_name].dataset,
                replicate=len(scorers),
                seed=0 if constant else task.model_seed,
                images=task.images,
            )
        )
    return [scorer for scorers in found.values() for scorer in scorers]


def _jobs(
    scorers: Sequence[Scorer],
    tables: Mapping[str, BenchmarkTable],
    codes: Mapping[str, Codes],
    infos: Mapping[str, PredictorInfo],
) -> list[ScoringJob]:
    listed = {
        name: [(arch, table.space.format(arch)) for arch in map(as_arch, codes[name])]
        for name, table in tables.items()
    }
    orders: dict[str, NDArray[np.int64]] = {}
    jobs = []
    for scorer in scorers:
        name = scorer.task_name
        entries = listed[name]
        if "supernet" in infos[scorer.predictor].needs:
            if name not in orders:
                orders[name] = _sharing_order(tables[name].space, codes[name])
            entries = [entries[place] for place in orders[name]]
        jobs += [ScoringJob(scorer, arch, text) for arch, text in entries]
    return jobs


def _sharing_order(space: SearchSpace, codes: Codes) -> NDArray[np.int64]:
    from predictors.weight_sharing.supernet import sharing_order  # imports torch

    return sharing_order(space, codes)

"""From a study to its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.planned_images import ImageFacts, PlannedImages
from pipeline.study import (
    DEFAULT_TEST_SIZE,
    DEFAULT_TEST_SIZES,
    Study,
    fidelity_grid,
    train_size_grid,
)
from predictors import registry
from predictors.base import PredictorInfo
from predictors.zero_cost.built import recipe_settings
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.sampling import distinct_count
from tasks.task import Task, canonical_params


@dataclass(slots=True)
class Plan:
    """The tasks of a study.

    Attributes:
        tasks: What can run, in the order of the study.
        skipped: What cannot, with the reason.
        infos: What is known of each predictor.
    """

    tasks: list[Task] = field(default_factory=list)
    skipped: list[tuple[Task, str]] = field(default_factory=list)
    infos: dict[str, PredictorInfo] = field(default_factory=dict)


def make_plan(study: Study, tables: Mapping[str, BenchmarkTable]) -> Plan:
    """Expand a study into tasks.

    Args:
        study: The study.
        tables: Measured table of every name in ``study.tasks``.

    Raises:
        InputError: Unknown predictor or hyperparameter, or a test set larger than the table.
    """
    plan = Plan()
    entries: list[tuple[PredictorInfo, str, dict[str, Any]]] = []
    for entry in study.predictors:
        plan.infos[entry.name] = registry.get_info(entry.name)
        # Checked here, not in a worker; and equal settings get equal keys however they are written.
        settings = registry.changed_parameters(entry.name, entry.params)
        if entry.hpo is not None:
            if not registry.is_tunable(entry.name):
                raise InputError(f"predictors: {entry.name} has no ranges to search in; leave out hpo")
            settings[registry.TUNING] = entry.hpo.model_dump()
        info = registry.info_with(entry.name, settings)
        entries.append((info, canonical_params(settings), settings))
    images = PlannedImages()
    for name in study.tasks:
        table = tables[name]
        available = distinct_count(table)
        n_test = _test_size(study, table, available)
        for info, params, settings in entries:
            if "images" in info.needs:
                settings = {**_of_recipe(info, table), **settings}
                params = canonical_params(settings)
            runs, why_not = registry.availability(info, table, settings)
            found = ImageFacts()
            if runs and "images" in info.needs:
                found = images.facts(info, table, settings)
                runs, why_not = not found.reason, found.reason
            for train_size, epochs in _budgets(study, table, info):
                reason = None if runs else why_not
                if reason is None and train_size is not None and n_test + train_size > available:
                    reason = (
                        f"{train_size} training and {n_test} test architectures asked for, "
                        f"but {name} has only {available} different ones"
                    )
                if reason is None and epochs is not None and table.epochs and epochs > table.epochs:
                    reason = f"{epochs} epochs asked for, but the curves of {name} have {table.epochs}"
                for trial in range(study.trials):
                    task = Task(
                        predictor=info.name,
                        params=params,
                        version=info.version,
                        space=table.space.name,
                        dataset=table.dataset.name,
                        fingerprint=table.fingerprint,
                        experiment=info.experiment,
                        train_size=train_size,
                        epochs=epochs,
                        seed=study.first_seed + trial,
                        sampling=study.sampling,
                        n_test=n_test,
                        images=found.digest,
                    )
                    if reason is None:
                        plan.tasks.append(task)
                    else:
                        plan.skipped.append((task, reason))
    return plan


def _of_recipe(info: PredictorInfo, table: BenchmarkTable) -> dict[str, Any]:
    """Return the settings of a predictor on images that follow from how a table was made."""
    known = registry.get_parameters(info.name)
    settings = {name: value for name, value in recipe_settings(table).items() if name in known}
    return registry.changed_parameters(info.name, settings)


def _test_size(study: Study, table: BenchmarkTable, available: int) -> int:
    if study.test_size is None:
        usual = DEFAULT_TEST_SIZES.get(table.space.name, DEFAULT_TEST_SIZE)
        return max(2, min(usual, available // 3))
    if study.test_size > available:
        raise InputError(
            f"test_size: {study.test_size} test architectures asked for, but {table.name} has only "
            f"{available} different ones"
        )
    return study.test_size


def _budgets(study: Study, table: BenchmarkTable, info: PredictorInfo) -> list[tuple[int | None, int | None]]:
    sizes: Sequence[int | None] = [None]
    epochs: Sequence[int | None] = [None]
    if info.experiment in {"vary_train_size", "vary_both"}:
        sizes = study.train_sizes or train_size_grid(table.space.name)
    if info.experiment in {"vary_fidelity", "vary_both"}:
        epochs = study.epochs or fidelity_grid(table.epochs or 1)
    return [(size, epoch) for size in sizes for epoch in epochs]

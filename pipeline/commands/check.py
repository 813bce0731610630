"""``naspred check``: does a predictor keep the contract?"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.commands.inspect import console
from predictors import registry
from predictors.base import PredictorInfo
from predictors.checks import Case, checks_for, make_case, scores_in_other_process
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, SearchSpace
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201


def check(target: str, *, json: bool) -> int:
    """Run every check that applies, on a space of each layout. Returns 0 if all pass, else 1.

    Args:
        target: ``file.py``, ``module:Class``, or the name of a registered predictor.
        json: Print one JSON document.

    Raises:
        InputError: There is no such predictor, or it has no usable ``info``.
    """
    infos, plugins = _resolve(target)
    records = []
    for info in infos:
        for space, dataset in _spaces():
            if not _applies(info, space, dataset):
                continue
            case = make_case(info.name, space, dataset)
            for one in checks_for(info):
                records.append(_record(info, space, one.__name__, partial(one, case)))
            elsewhere = "check_same_scores_in_another_process"
            records.append(_record(info, space, elsewhere, partial(_elsewhere, case, plugins)))
    if not records:
        raise InputError(
            f"{target}: runs on none of the spaces that the checks use (nasbench201, vertex-labelled cells)"
        )
    failed = sum(not record["ok"] for record in records)
    if json:
        Console(soft_wrap=True).print_json(data={"checks": records, "failed": failed})
        return 1 if failed else 0
    _show(records)
    console().print(f"{len(records)} checks, {failed} failed", highlight=False)
    return 1 if failed else 0


def _resolve(target: str) -> tuple[list[PredictorInfo], list[str]]:
    """Return the predictors, and the files that another process has to read to know them."""
    if target.endswith(".py"):
        return [registry.get_info(name) for name in registry.register_file(target)], [target]
    if ":" not in target:
        return [registry.get_info(target)], []
    module_name, _, class_name = target.partition(":")
    if module_name.endswith(".py"):
        raise InputError(
            f"{target}: a file is checked as a whole, a class by the name of its module; "
            f"use {module_name} or {Path(module_name).stem}:{class_name}"
        )
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{target}: cannot be imported: {error}") from error
    finally:
        sys.path.pop(0)
    return [registry.register(found)], [inspect.getfile(found)]


def _spaces() -> list[tuple[SearchSpace, DatasetInfo]]:
    cells = DagSpace("cells", ("in", "conv", "pool", "skip", "out"), 6)
    return [(NasBench201(), DatasetInfo("cifar10", 10, 32)), (cells, DatasetInfo("own"))]


def _applies(info: PredictorInfo, space: SearchSpace, dataset: DatasetInfo) -> bool:
    if info.spaces is not None and space.name not in info.spaces:
        return False
    if "counts" not in info.needs:
        return True
    try:
        space.count(space.sample(np.random.default_rng(0), 1), dataset)
    except InputError:
        return False
    return True


def _elsewhere(case: Case, plugins: list[str]) -> None:
    (there,) = scores_in_other_process([case], plugins)
    here = case.scores()
    assert np.array_equal(here, there), f"scores differ by up to {np.abs(here - there).max():g}"


def _record(info: PredictorInfo, space: SearchSpace, name: str, run: Callable[[], None]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "predictor": info.name,
        "space": space.name,
        "check": name.removeprefix("check_"),
    }
    try:
        run()
    except AssertionError as error:
        return {**record, "ok": False, "reason": str(error) or "assertion failed"}
    except Exception as error:  # noqa: BLE001 - the predictor's own failure is what is to be reported
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return {**record, "ok": False, "reason": f"{type(error).__name__}: {error} ({where})"}
    return {**record, "ok": True, "reason": ""}


def _show(records: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("predictor", "space", "check", "", "reason"):
        table.add_column(column, overflow="fold")
    for record in records:
        mark = "[green]ok[/green]" if record["ok"] else "[red]failed[/red]"
        table.add_row(record["predictor"], record["space"], record["check"], mark, escape(record["reason"]))
    console().print(table)

"""The zero-cost scores of NAS-Bench-Suite-Zero as a benchmark table."""

from __future__ import annotations

import ast
import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.naslib_notation import official_notation
from tasks.benchmarks.official.output import table_path, write
from tasks.benchmarks.official.runs import MALFORMED, Imported, Runs
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.registry import get_space

SOURCE = "NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS 2022)"
LICENCE = "Apache-2.0"

_SPACES = {"nasbench101": "nasbench101", "nasbench201": "nasbench201", "nasbench301": "darts"}
_DATASETS: dict[str, str] = {"ImageNet16-120": "imagenet16-120"}

_FAILED = -1e7
"""The authors' code writes -1e8 or -1e9 where a score is undefined."""


def import_suite_zero(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Imported]:
    """Convert ``zc_<space>.json`` into one table for each data set that it holds.

    ``val_acc`` is the validation accuracy that the file states; each proxy gives
    ``target:<proxy>``, null where the score is undefined, and ``target:<proxy>_time_s``.
    Architectures whose accuracy is no number are left out.

    Args:
        source: ``zc_nasbench101.json``, ``zc_nasbench201.json`` or ``zc_nasbench301.json``.
        out: A folder, or the file if there is one data set.
        on_progress: Called with the share that has been converted, in [0, 1].

    Returns:
        The tables.

    Raises:
        InputError: Another kind of file, or something in it is not as it must be.
        OSError: A table cannot be written.
    """
    source = Path(source)
    if source.stem.removeprefix("zc_") not in _SPACES:
        allowed = ", ".join(f"zc_{name}.json" for name in _SPACES)
        raise InputError(f"{source}: the name says which space it is of; allowed: {allowed}")
    space = _SPACES[source.stem.removeprefix("zc_")]
    try:
        content = json.loads(source.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict) or not content or not all(isinstance(x, dict) for x in content.values()):
        raise InputError(f"{source}: expected an object of data sets, each an object of architectures")
    written = []
    for number, (name, archs) in enumerate(content.items(), start=1):
        dataset = _DATASETS[name] if name in _DATASETS else str(name)
        path = table_path(Path(out), space, dataset, tables=len(content))
        runs = _read(space, archs, f"{source}: {name}")
        runs.require(source)
        write(
            path,
            _table(runs),
            space=space,
            dataset=DATASETS.get(dataset, DatasetInfo(dataset)),
            epochs=None,
            source=SOURCE,
            licence=LICENCE,
            file=source,
        )
        written.append(runs.imported(path))
        if on_progress is not None:
            on_progress(number / len(content))
    return written


def _read(space: str, archs: Mapping[str, Any], where: str) -> Runs:
    """Return the accuracy and the scores of each architecture; errors name key and field."""
    known, runs = get_space(space), Runs()
    for key, entry in archs.items():
        place = f"{where}: key {key!r}"
        try:
            arch = known.parse(official_notation(space, ast.literal_eval(key)))
        except (InputError, SyntaxError, RecursionError, *MALFORMED) as error:
            raise InputError(f"{place}: {error}") from error
        if not isinstance(entry, Mapping):
            raise InputError(f"{place}: is {entry!r}, must be an object with val_accuracy and proxies")
        if "val_accuracy" not in entry:
            raise InputError(f"{place}: field 'val_accuracy' is missing")
        run = {"arch": known.format(arch), "canonical": known.canonical(arch)}
        if runs.add({**run, "val_acc": _number(entry["val_accuracy"], f"{place}: field 'val_accuracy'")}):
            # Added after the check: a score that is no number is one that is undefined.
            runs.kept[-1].update(_scores(entry, place))
    return runs


def _scores(entry: Mapping[str, Any], place: str) -> dict[str, float | None]:
    """Return the score and the seconds of each proxy of an entry."""
    scores: dict[str, float | None] = {}
    for proxy, content in entry.items():
        if not isinstance(content, Mapping):
            continue  # the architecture's number and other facts
        for field, suffix in (("score", ""), ("time", "_time_s")):
            value = content.get(field)
            number = None if value is None else _number(value, f"{place}: field '{proxy}.{field}'")
            defined = number is not None and math.isfinite(number) and number > _FAILED
            scores[f"target:{proxy}{suffix}"] = number if defined else None
    return scores


def _table(runs: Runs) -> pa.Table:
    proxies = sorted({name for run in runs.kept for name in run if name.startswith("target:")})
    columns = {name: [run[name] for run in runs.kept] for name in ("arch", "canonical", "val_acc")}
    scores = {name: pa.array([run.get(name) for run in runs.kept], pa.float64()) for name in proxies}
    return pa.table({**columns, **scores})


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where} is {value!r}, must be a number")
    # JSON's integers can be larger than any float.
    return float(value) if abs(value) <= sys.float_info.max else math.inf

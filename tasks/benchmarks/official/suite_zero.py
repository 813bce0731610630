"""The zero-cost scores of NAS-Bench-Suite-Zero as a benchmark table."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.naslib_notation import official_notation
from tasks.benchmarks.official.output import table_path, write
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
) -> list[Path]:
    """Convert ``zc_<space>.json`` into one table for each data set that it holds.

    ``val_acc`` is the validation accuracy that the file states; each proxy gives
    ``target:<proxy>``, null where the score is undefined, and ``target:<proxy>_time_s``.

    Args:
        source: ``zc_nasbench101.json``, ``zc_nasbench201.json`` or ``zc_nasbench301.json``.
        out: A folder, or the file if there is one data set.
        on_progress: Called with the share that has been converted, in [0, 1].

    Returns:
        The paths of the tables.

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
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict) or not content or not all(isinstance(x, dict) for x in content.values()):
        raise InputError(f"{source}: expected an object of data sets, each an object of architectures")
    paths = []
    for number, (name, archs) in enumerate(content.items(), start=1):
        dataset = _DATASETS[name] if name in _DATASETS else str(name)
        path = table_path(Path(out), space, dataset, tables=len(content))
        write(
            path,
            _table(space, archs, f"{source}: {name}"),
            space=space,
            dataset=DATASETS.get(dataset, DatasetInfo(dataset)),
            epochs=None,
            source=SOURCE,
            licence=LICENCE,
            file=source,
        )
        paths.append(path)
        if on_progress is not None:
            on_progress(number / len(content))
    return paths


def _table(space: str, archs: Mapping[str, Mapping[str, Any]], where: str) -> pa.Table:
    texts = []
    columns: dict[str, list[float | None]] = {
        "val_acc": [float(entry["val_accuracy"]) for entry in archs.values()]
    }
    proxies = sorted({name for entry in archs.values() for name in entry if isinstance(entry[name], Mapping)})
    for text in archs:
        try:
            texts.append(official_notation(space, ast.literal_eval(text)))
        except (ValueError, SyntaxError, InputError) as error:
            raise InputError(f"{where}: key {text!r}: {error}") from error
    for proxy in proxies:
        columns[f"target:{proxy}"] = [_score(entry, proxy, "score") for entry in archs.values()]
        columns[f"target:{proxy}_time_s"] = [_score(entry, proxy, "time") for entry in archs.values()]
    known = get_space(space)
    return pa.table(
        {
            "arch": texts,
            "canonical": known.canonical_many(known.parse_many(texts)),
            **{name: pa.array(values, pa.float64()) for name, values in columns.items()},
        }
    )


def _score(entry: Mapping[str, Any], proxy: str, what: str) -> float | None:
    value = entry.get(proxy, {}).get(what)
    return None if value is None or value <= _FAILED else float(value)

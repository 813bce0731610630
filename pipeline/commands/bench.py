"""``naspred bench import`` and ``info``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pipeline.commands.inspect import console
from pipeline.tables import load_file, load_tables
from tasks.benchmarks.official.formats import FORMATS
from tasks.benchmarks.official.runs import described
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError, did_you_mean


def import_file(kind: str, source: Path, out: Path, *, json: bool) -> int:
    """Convert official files into benchmark tables and describe them. Returns the exit code.

    Raises:
        InputError: Unknown format, or a file that is not what it should be.
    """
    if kind not in FORMATS:
        raise InputError(f"bench import {kind}: unknown format; {did_you_mean(kind, FORMATS)}")
    if not source.exists():
        raise InputError(f"{source}: no such file or folder; {kind} is made from {FORMATS[kind].source}")
    with Progress(console=Console(stderr=True), transient=True, disable=json) as bar:
        task = bar.add_task(f"reading {source.name}", total=1.0)
        tables = FORMATS[kind].load()(source, out, lambda share: bar.update(task, completed=share))
    records = [{"file": str(table.path), **describe(load_file(str(table.path)))} for table in tables]
    counts = [{"read": table.read, "left_out": dict(table.left_out)} for table in tables]
    if json:
        both = [record | count for record, count in zip(records, counts, strict=True)]
        Console(soft_wrap=True).print_json(data={"tables": both})
        return 0
    for record, table in zip(records, tables, strict=True):
        console().print(_facts(record))
        reasons = f", {described(table.left_out)}" if table.left_out else ""
        console().print(f"{table.read:,} read{reasons}")
    return 0


def info(name: str, *, json: bool) -> int:
    """Describe a table, embedded or in a file. Returns the exit code."""
    table = load_file(name) if name.endswith(".parquet") else load_tables([name])[name]
    record = describe(table)
    if json:
        Console(soft_wrap=True).print_json(data=record)
        return 0
    console().print(_facts(record))
    return 0


def _facts(record: Mapping[str, Any]) -> Table:
    shown = Table(box=None, show_header=False)
    for key, value in record.items():
        shown.add_row(key.replace("_", " "), _shown(value))
    return shown


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(entry)}" for key, entry in value.items())
    return str(value)


def describe(table: BenchmarkTable) -> dict[str, Any]:
    """Return the facts of a table."""
    accuracy = table.val_acc
    return {
        "task": table.name,
        "architectures": len(table),
        "canonical_forms": int(np.unique(table.canonical_ids).size),
        "epochs": table.epochs,
        "val_acc_min": round(float(accuracy.min()), 3),
        "val_acc_mean": round(float(accuracy.mean()), 3),
        "val_acc_max": round(float(accuracy.max()), 3),
        "train_time_h": round(float(table.train_time_s.sum()) / 3600, 1),
        "columns": sorted(
            [
                name
                for name in ("test_acc", "params", "flops", "latency_s", "epoch_time_s")
                if getattr(table, name) is not None
            ]
            + list(table.curves)
            + [f"target:{name}" for name in table.targets]
        ),
        "source": table.source,
        "licence": table.licence,
        "fingerprint": table.fingerprint,
        **table.build,
    }

"""``naspred bench import`` and ``info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pipeline.commands.inspect import console
from pipeline.tables import load_file, load_tables
from tasks.benchmarks.nasbench101 import import_nasbench101
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError, did_you_mean

FORMATS = {"nasbench101": import_nasbench101}
"""What can be imported: name -> function of (source, out, on_progress)."""


def import_file(kind: str, source: Path, out: Path, *, json: bool) -> int:
    """Convert an official file into a benchmark table. Returns the exit code.

    Raises:
        InputError: Unknown format, or a file that is not what it should be.
    """
    if kind not in FORMATS:
        raise InputError(f"bench import {kind}: unknown format; {did_you_mean(kind, FORMATS)}")
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    with Progress(console=Console(stderr=True), transient=True, disable=json) as bar:
        task = bar.add_task(f"reading {source.name}", total=1.0)
        path = FORMATS[kind](source, out, lambda share: bar.update(task, completed=share))
    return info(str(path), json=json)


def info(name: str, *, json: bool) -> int:
    """Describe a table, embedded or in a file. Returns the exit code."""
    table = load_file(name) if name.endswith(".parquet") else load_tables([name])[name]
    record = describe(table)
    if json:
        Console(soft_wrap=True).print_json(data=record)
        return 0
    shown = Table(box=None, show_header=False)
    for key, value in record.items():
        shown.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    console().print(shown)
    return 0


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
    }

"""The identity of a table: a digest of what is measured, not of how the file stores it."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np

from tasks.benchmarks.schema import SCHEMA_VERSION
from tasks.benchmarks.table import BenchmarkTable


def table_fingerprint(table: BenchmarkTable) -> str:
    """Return the sha256 (hex) of schema version, space, data set, epochs and every column.

    Equal on every machine for equal content in equal order; the order counts, because samples are
    drawn by row. Source, licence and an already stored fingerprint have no part in it.
    """
    columns: dict[str, np.ndarray | None] = {
        "codes": table.codes,
        "canonical_ids": table.canonical_ids,
        "val_acc": table.val_acc,
        "test_acc": table.test_acc,
        "train_time_s": table.train_time_s,
        "epoch_time_s": table.epoch_time_s,
        "latency_s": table.latency_s,
        "params": table.params,
        "flops": table.flops,
        **{f"curve:{name}": curve for name, curve in table.curves.items()},
        **{f"target:{name}": target for name, target in table.targets.items()},
    }
    layout = {"kind": type(table.space.layout).__name__, **dataclasses.asdict(table.space.layout)}
    header = {
        "schema_version": SCHEMA_VERSION,
        "space": table.space.name,
        "layout": layout,
        "dataset": dataclasses.asdict(table.dataset),
        "epochs": table.epochs,
    }
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, column in sorted(columns.items()):
        if column is not None:
            column = np.ascontiguousarray(column)
            digest.update(f"\n{name} {column.dtype.newbyteorder('<').str} {column.shape}\n".encode())
            digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()

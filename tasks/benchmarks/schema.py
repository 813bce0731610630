"""The benchmark table: one Parquet file per (space, dataset)."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 1

CURVES = ("train_loss", "val_loss", "val_acc_curve", "train_acc_curve")
"""Columns with one value per epoch."""

SCHEMA = pa.schema(
    [
        pa.field("arch", pa.string(), nullable=False),
        pa.field("canonical", pa.string(), nullable=False),
        pa.field("val_acc", pa.float64()),
        pa.field("test_acc", pa.float64()),
        pa.field("val_acc_runs", pa.list_(pa.float64())),
        pa.field("params", pa.int64()),
        pa.field("flops", pa.int64()),
        pa.field("latency_s", pa.float64()),
        pa.field("train_time_s", pa.float64()),
        pa.field("train_loss", pa.list_(pa.float32())),
        pa.field("val_loss", pa.list_(pa.float32())),
        pa.field("val_acc_curve", pa.list_(pa.float32())),
        pa.field("train_acc_curve", pa.list_(pa.float32())),
        pa.field("epoch_time_s", pa.float64()),
    ]
)
"""Accuracies in percent, times in seconds, params and flops (multiply-adds) as counts.

Further targets are float columns named ``target:<name>``, null where not measured. File metadata
(key ``naspred``, JSON): schema_version, space, dataset, num_classes, resolution, channels, epochs,
source, licence, fingerprint, and ``build`` with how a table made by ``naspred bench build`` was trained.
"""

RUN_SCHEMA = pa.schema(
    [
        pa.field("test_acc_runs", pa.list_(pa.float64())),
        *(pa.field(f"{name}_runs", pa.list_(pa.list_(pa.float32()))) for name in CURVES),
    ]
)
"""Optional columns with what ``val_acc_runs`` is for ``val_acc``: one value or curve per run, the runs in
the same order. They are for analyses of noise; a benchmark table in memory does not hold them."""

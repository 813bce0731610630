"""From checked columns to a table in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.columns import Columns
from tasks.benchmarks.fingerprint import table_fingerprint
from tasks.benchmarks.metadata import TableMetadata
from tasks.benchmarks.schema import CURVES
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.spaces.base import Codes, DatasetInfo, SearchSpace

TARGET_PREFIX = "target:"
"""Begins the name of a column that holds a further target."""


def assemble(
    columns: Columns,
    metadata: TableMetadata,
    *,
    space: SearchSpace,
    dataset: DatasetInfo,
    codes: Codes,
    canonical: Sequence[str],
) -> BenchmarkTable:
    """Return the table, its fingerprint computed from the content.

    Args:
        columns: The measurements.
        metadata: Epochs, source and licence.
        space: The search space of the codes.
        dataset: Data set facts.
        codes: Architectures, one row per row of the columns.
        canonical: Canonical form of each row.

    Raises:
        InputError: A wrong or missing measurement.
    """
    percent = {name: f"{name} in percent" for name in ("val_acc", "test_acc")}
    val_acc = columns.numbers("val_acc", percent["val_acc"], 0.0, 100.0)
    test_acc = columns.optional("test_acc", percent["test_acc"], 0.0, 100.0)
    for name, values in (("val_acc", val_acc), ("test_acc", test_acc)):
        _refuse_fractions(columns, name, values)
    times = {
        name: columns.optional(name, f"{what} in seconds", 0.0, np.inf)
        for name, what in (
            ("train_time_s", "the time of one full training"),
            ("epoch_time_s", "the time of one epoch"),
            ("latency_s", "the time of one inference"),
        )
    }
    train_time_s = times["train_time_s"]
    curves = _curves(columns)
    table = BenchmarkTable(
        space=space,
        dataset=dataset,
        codes=codes,
        canonical_ids=_ids(canonical),
        val_acc=val_acc,
        train_time_s=np.zeros(len(columns)) if train_time_s is None else train_time_s,
        fingerprint="",
        params=columns.optional_counts("params", "the number of trainable parameters"),
        flops=columns.optional_counts("flops", "the number of multiply-adds"),
        latency_s=times["latency_s"],
        test_acc=test_acc,
        curves=curves,
        epoch_time_s=times["epoch_time_s"],
        targets=_targets(columns),
        epochs=_epochs(columns, metadata, curves),
        source=metadata.source or columns.file,
        licence=metadata.licence or "not stated",
        build=metadata.build or {},
    )
    # The table is shared by everything in the process that asks for it.
    for array in (*_fields(table), *table.curves.values(), *table.targets.values()):
        array.setflags(write=False)
    return dataclasses.replace(table, fingerprint=table_fingerprint(table))


def _fields(table: BenchmarkTable) -> list[np.ndarray]:
    values = (getattr(table, field.name) for field in dataclasses.fields(table))
    return [value for value in values if isinstance(value, np.ndarray)]


def _curves(columns: Columns) -> dict[str, NDArray[np.float32]]:
    curves = {}
    for name in CURVES:
        percent = name.endswith("acc_curve")
        meaning = f"one {'accuracy in percent' if percent else 'loss'} per epoch"
        curve = columns.optional_curves(name, meaning, *((0.0, 100.0) if percent else (-np.inf, np.inf)))
        if curve is not None:
            if percent:
                _refuse_fractions(columns, name, curve)
            curves[name] = curve
    return curves


def _epochs(columns: Columns, metadata: TableMetadata, curves: dict[str, NDArray[np.float32]]) -> int | None:
    lengths = {name: curve.shape[1] for name, curve in curves.items()}
    if metadata.epochs is not None:
        lengths = {"metadata 'epochs'": metadata.epochs, **lengths}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{columns.file}: the number of epochs must be the same everywhere, got {lengths}")
    return next(iter(lengths.values()), None)


def _targets(columns: Columns) -> dict[str, NDArray[np.float64]]:
    targets = {}
    for name in columns.table.column_names:
        if name.startswith(TARGET_PREFIX) and columns.has(name):
            targets[name.removeprefix(TARGET_PREFIX)] = columns.gappy(name, "a target")
    return targets


def _refuse_fractions(columns: Columns, name: str, values: NDArray[np.floating] | None) -> None:
    if values is not None and values.size and values.max() <= 1.0:
        columns.fail(
            name, None, f"no value is above {values.max():g}; accuracies must be in percent, not fractions"
        )


def _ids(canonical: Sequence[str]) -> NDArray[np.int64]:
    """Number the canonical forms in the order of their first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(form, len(numbers)) for form in canonical], dtype=np.int64)

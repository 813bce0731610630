"""NAS-Bench-201 with its learning curves, from the official files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.columns import complete
from tasks.benchmarks.official.nasbench201_archive import FULL, SHORT, Record, read_archive
from tasks.benchmarks.official.output import table_path, write
from tasks.errors import InputError
from tasks.spaces.nasbench201 import NasBench201


@dataclass(frozen=True, slots=True)
class _Split:
    """Where the results of a data set are: (name in ``all_results``, name of the evaluation set)."""

    validation: tuple[str, str]
    test: tuple[tuple[str, str], ...]


_SPLITS = {
    # Accuracy on validation images is that of networks trained on the other half of the training
    # images; accuracy on test images that of networks trained on all of them.
    "cifar10": _Split(("cifar10-valid", "x-valid"), (("cifar10", "ori-test"), ("cifar10-valid", "ori-test"))),
    "cifar100": _Split(("cifar100", "x-valid"), (("cifar100", "x-test"),)),
    "imagenet16-120": _Split(("ImageNet16-120", "x-valid"), (("ImageNet16-120", "x-test"),)),
}

SOURCE = "NAS-Bench-201 (Dong and Yang, ICLR 2020)"
LICENCE = "MIT"


def import_nasbench201(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Path]:
    """Convert an official archive into one table for each data set that it holds.

    ``val_acc`` and ``test_acc`` are means over the training runs of 200 epochs, ``val_acc_runs``
    the single runs. Curves and times are those of the run with the smallest seed: what is observed
    when a network is trained once; ``train_time_s`` and ``epoch_time_s`` are training time without
    evaluation. A curve that the file has not for every architecture is left out. The separate
    schedule of 12 epochs gives ``target:val_acc_12``. Parameters and multiply-adds are counted,
    not read.

    Args:
        source: ``NAS-Bench-201-v1_1-*.pth``, ``NATS-tss-*.pickle.pbz2`` or the folder
            ``NATS-tss-*-simple``.
        out: A folder; files are called ``nasbench201-<data set>.parquet``.
        on_progress: Called with the share that has been read, in [0, 1].

    Returns:
        The paths of the tables.

    Raises:
        InputError: The source is damaged, holds more than data, or is another kind of file.
        OSError: A table cannot be written.
    """
    source = Path(source)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _SPLITS}
    for share, record in read_archive(source):
        for name, split in _SPLITS.items():
            row = _row(record, split, str(source))
            if row is not None:
                rows[name].append(row)
        if on_progress is not None:
            on_progress(share)
    found = {name: entries for name, entries in rows.items() if entries}
    if not found:
        raise InputError(f"{source}: none of its architectures has results on {', '.join(_SPLITS)}")
    return [_write(source, Path(out), name, entries, len(found)) for name, entries in found.items()]


def _write(source: Path, out: Path, dataset: str, rows: Sequence[Mapping[str, Any]], tables: int) -> Path:
    space, info = NasBench201(), DATASETS[dataset]
    path = table_path(out, space.name, dataset, tables=tables)
    archs = [row["arch"] for row in rows]
    codes = space.parse_many(archs)
    params, flops = space.count(codes, info)
    table = pa.table(
        {
            "arch": archs,
            "canonical": space.canonical_many(codes),
            "params": params,
            "flops": flops,
            **complete(rows, skip=("arch",)),
        }
    )
    write(
        path, table, space=space.name, dataset=info, epochs=FULL, source=SOURCE, licence=LICENCE, file=source
    )
    return path


def _row(record: Record, split: _Split, where: str) -> dict[str, Any] | None:
    """Return the columns of one architecture; None if it was not trained on the data set."""
    full = record[FULL]
    try:
        runs = _runs(full, split.validation[0])
        values = [_final(run, split.validation[1], FULL) for run in runs]
        scored = [(run, value) for run, value in zip(runs, values, strict=True) if value is not None]
        if not scored:
            return None
        accuracies = [value for _, value in scored]
        first = scored[0][0]
        row = {
            "arch": str(full["arch_str"]),
            "val_acc": float(np.mean(accuracies)),
            "val_acc_runs": accuracies,
            "test_acc": _mean(full, split.test, FULL),
            "train_loss": _series(first["train_losses"], FULL),
            "train_acc_curve": _series(first["train_acc1es"], FULL),
            "val_loss": _evaluations(first["eval_losses"], split.validation[1], FULL),
            "val_acc_curve": _evaluations(first["eval_acc1es"], split.validation[1], FULL),
            "latency_s": _latency(first.get("latency")),
            **_times(first.get("train_times")),
        }
        if SHORT in record:
            row["target:val_acc_12"] = _mean(record[SHORT], (split.validation,), SHORT)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{where}: architecture {full.get('arch_str')!r}: not a record of NAS-Bench-201 "
            f"({type(error).__name__}: {error})"
        ) from error
    return row


def _runs(record: Mapping[str, Any], dataset: str) -> list[Mapping[str, Any]]:
    """Return the training runs on a data set, by seed."""
    found = {seed: run for (name, seed), run in record["all_results"].items() if name == dataset}
    return [found[seed] for seed in sorted(found)]


def _mean(record: Mapping[str, Any], places: Sequence[tuple[str, str]], epochs: int) -> float | None:
    """Return the mean final accuracy in the first place that has one."""
    for dataset, evaluation in places:
        values = [_final(run, evaluation, epochs) for run in _runs(record, dataset)]
        known = [value for value in values if value is not None]
        if known:
            return float(np.mean(known))
    return None


def _final(run: Mapping[str, Any], evaluation: str, epochs: int) -> float | None:
    value = run["eval_acc1es"].get(f"{evaluation}@{epochs - 1}")
    return None if value is None else float(value)


def _series(values: Any, epochs: int) -> list[float] | None:  # noqa: ANN401 - a list, or a dict by epoch
    if values is None:
        return None
    if isinstance(values, Mapping):
        values = [values[epoch] for epoch in range(epochs)] if set(range(epochs)) <= set(values) else []
    return [float(value) for value in values] if len(values) == epochs else None


def _evaluations(values: Mapping[str, Any], evaluation: str, epochs: int) -> list[float] | None:
    keys = [f"{evaluation}@{epoch}" for epoch in range(epochs)]
    return [float(values[key]) for key in keys] if all(key in values for key in keys) else None


def _times(values: Any) -> dict[str, float | None]:  # noqa: ANN401 - a list, or a dict by epoch
    times = _series(values, FULL)
    total = None if times is None else float(np.sum(times))
    return {"train_time_s": total, "epoch_time_s": None if total is None else total / FULL}


def _latency(value: Any) -> float | None:  # noqa: ANN401 - a number, or measurements
    if value is None:
        return None
    measured = [float(item) for item in (value if isinstance(value, list | tuple) else [value])]
    # The authors' code writes -1 for "not measured".
    return float(np.mean(measured)) if measured and min(measured) > 0 else None

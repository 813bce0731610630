"""NAS-Bench-201 with its learning curves, from the official files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.columns import complete
from tasks.benchmarks.official.nasbench201_archive import FULL, SHORT, Record, read_archive
from tasks.benchmarks.official.output import table_path, write
from tasks.benchmarks.official.runs import MALFORMED, Imported, Runs
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
) -> list[Imported]:
    """Convert an official archive into one table for each data set that it holds.

    ``val_acc`` and ``test_acc`` are means over the training runs of 200 epochs, ``val_acc_runs``
    the single runs. Curves and times are those of the run with the smallest seed: what is observed
    when a network is trained once; ``train_time_s`` and ``epoch_time_s`` are training time without
    evaluation. A curve that the file has not for every architecture is left out, as are runs that
    diverged. The separate schedule of 12 epochs gives ``target:val_acc_12``. Parameters and
    multiply-adds are counted, not read.

    Args:
        source: ``NAS-Bench-201-v1_1-*.pth``, ``NATS-tss-*.pickle.pbz2`` or the folder
            ``NATS-tss-*-simple``.
        out: A folder; files are called ``nasbench201-<data set>.parquet``.
        on_progress: Called with the share that has been read, in [0, 1].

    Returns:
        The tables.

    Raises:
        InputError: The source is damaged, holds more than data, or is another kind of file.
        OSError: A table cannot be written.
    """
    source = Path(source)
    space = NasBench201()
    tables = {name: Runs() for name in _SPLITS}
    for share, record in read_archive(source):
        full = record[FULL]
        try:
            arch = space.parse(full["arch_str"])
            place = {"arch": space.format(arch), "canonical": space.canonical(arch)}
            for name, split in _SPLITS.items():
                for run in _runs_of(record, split):
                    tables[name].add(place | run)
        except (InputError, *MALFORMED) as error:
            raise InputError(
                f"{source}: architecture {full['arch_str']!r}: not a record of NAS-Bench-201 "
                f"({type(error).__name__}: {error})"
            ) from error
        if on_progress is not None:
            on_progress(share)
    found = {name: runs for name, runs in tables.items() if runs.read}
    if not found:
        raise InputError(f"{source}: none of its architectures has results on {', '.join(_SPLITS)}")
    return [_write(source, Path(out), name, runs, len(found)) for name, runs in found.items()]


def _write(source: Path, out: Path, dataset: str, runs: Runs, tables: int) -> Imported:
    space, info = NasBench201(), DATASETS[dataset]
    runs.require(source)
    path = table_path(out, space.name, dataset, tables=tables)
    rows = [_row(list(group)) for _, group in groupby(runs.kept, key=itemgetter("arch"))]
    params, flops = space.count(space.parse_many([row["arch"] for row in rows]), info)
    write(
        path,
        pa.table({**complete(rows), "params": params, "flops": flops}),
        space=space.name,
        dataset=info,
        epochs=FULL,
        source=SOURCE,
        licence=LICENCE,
        file=source,
    )
    return runs.imported(path)


def _row(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the columns of one architecture."""
    accuracies = [run["val_acc"] for run in runs]
    return {**runs[0], "val_acc": float(np.mean(accuracies)), "val_acc_runs": accuracies}


def _runs_of(record: Record, split: _Split) -> Iterator[dict[str, Any]]:
    """Yield the training runs of an architecture on a data set, by seed."""
    full, (dataset, evaluation) = record[FULL], split.validation
    shared = {"test_acc": _mean(full, split.test, FULL)}
    if SHORT in record:
        shared["target:val_acc_12"] = _mean(record[SHORT], (split.validation,), SHORT)
    for run in _runs(full, dataset):
        accuracy = _final(run, evaluation, FULL)
        if accuracy is not None:
            yield {
                "val_acc": accuracy,
                **shared,
                "train_loss": _series(run["train_losses"], FULL),
                "train_acc_curve": _series(run["train_acc1es"], FULL),
                "val_loss": _evaluations(run["eval_losses"], evaluation, FULL),
                "val_acc_curve": _evaluations(run["eval_acc1es"], evaluation, FULL),
                "latency_s": _latency(run.get("latency")),
                **_times(run.get("train_times")),
            }


def _runs(record: Mapping[str, Any], dataset: str) -> list[Mapping[str, Any]]:
    """Return the training runs on a data set, by seed."""
    found = {seed: run for (name, seed), run in record["all_results"].items() if name == dataset}
    return [found[seed] for seed in sorted(found)]


def _mean(record: Mapping[str, Any], places: Sequence[tuple[str, str]], epochs: int) -> float | None:
    """Return the mean final accuracy in the first place that has one, over runs that did not diverge."""
    for dataset, evaluation in places:
        values = [_final(run, evaluation, epochs) for run in _runs(record, dataset)]
        known = [value for value in values if value is not None]
        if known:
            finite = [value for value in known if math.isfinite(value)]
            return float(np.mean(finite or known))
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
    known = bool(measured) and all(0 < value < math.inf for value in measured)
    return float(np.mean(measured)) if known else None

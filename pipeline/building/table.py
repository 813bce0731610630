"""From the stored trainings of a build to its benchmark table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.building.build_file import Build
from tasks.benchmarks.building.job import TRAINING_VERSION
from tasks.benchmarks.ceiling import FirstRunAgreement, NoiseCeiling, first_run_agreement, noise_ceiling
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dag import DagSpace
from tasks.spaces.registry import get_space

CURVE_COLUMNS = {
    "train_loss": "train_loss",
    "val_loss": "val_loss",
    "val_acc_curve": "val_acc",
    "train_acc_curve": "train_acc",
}
"""Curve of the benchmark schema -> column of the stored trainings."""

_COPIED = ("params", "flops")


@dataclass(slots=True)
class _Architecture:
    """What is known of one architecture: its ok runs by number, and how many failed or diverged."""

    first: dict[str, Any]
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)

    def add(self, row: dict[str, Any]) -> None:
        self.settled.update(row["runs"])
        if row["status"] != "ok":
            return
        if not self.runs:
            self.first = row
        for place, run in enumerate(row["runs"]):
            measured = {name: row[name][place] for name in (*CURVE_COLUMNS.values(), "test_acc")}
            if row["run_status"][place] == "ok" and run not in self.runs and _in_range(measured):
                self.runs[run] = measured


def _in_range(measured: dict[str, Any]) -> bool:
    """Whether accuracies are percentages; that of a language model, 100 - loss, may be far below 0."""
    values = [*measured["train_acc"], *measured["val_acc"], measured["test_acc"]]
    return all(value is None or 0.0 <= value <= 100.0 for value in values)


def collect(
    rows: Sequence[dict[str, Any]], architectures: Sequence[str], runs: int
) -> tuple[list[_Architecture], int, int]:
    """Return the finished architectures, in the order of the build's list.

    Args:
        rows: Stored trainings of the build.
        architectures: The build's list, in official notation.
        runs: Runs per architecture; later ones are left out.

    Returns:
        Architectures all of whose runs came to an end and at least one of them well, the number of
        architectures without a good run, and the number of runs that failed or diverged.
    """
    found: dict[str, _Architecture] = {}
    for row in sorted(rows, key=lambda row: (row["runs"], row["key"])):
        found.setdefault(row["arch"], _Architecture(row)).add(row)
    finished, lost, failed_runs = [], 0, 0
    wanted = set(range(runs))
    for text in architectures:
        entry = found.get(text)
        if entry is None or not wanted <= entry.settled:
            continue
        entry.runs = {run: entry.runs[run] for run in sorted(entry.runs) if run in wanted}
        failed_runs += runs - len(entry.runs)
        if entry.runs:
            finished.append(entry)
        else:
            lost += 1
    return finished, lost, failed_runs


def make_table(
    rows: pa.Table, build: Build, dataset: DatasetInfo, architectures: Sequence[str]
) -> tuple[pa.Table, dict[str, object]] | None:
    """Return columns and metadata as ``write_table`` takes them; None if nothing is finished.

    ``val_acc`` and ``test_acc`` are means over the runs. Curves and times are those of one run,
    the first that came to an end: what somebody observes who trains the architecture once. Times
    are CPU seconds of one core, or wall seconds on a GPU. Where an engine measures no accuracy, as
    for language models, the target is 100 - validation loss.

    Args:
        rows: Stored trainings of ``TRAINING_SCHEMA``, of this build's identity only.
        build: The build.
        dataset: Facts of its data set.
        architectures: The build's list, in official notation.
    """
    finished, lost, failed_runs = collect(rows.to_pylist(), architectures, build.runs)
    if not finished:
        return None
    final = [_finals(entry) for entry in finished]
    columns: dict[str, Any] = {
        "arch": [entry.first["arch"] for entry in finished],
        "canonical": [entry.first["canonical"] for entry in finished],
        "val_acc": [float(np.mean(values)) for values in final],
        "val_acc_runs": final,
        "test_acc": _test_means(finished),
        "test_acc_runs": [[run["test_acc"] for run in entry.runs.values()] for entry in finished],
        **{name: [entry.first[name] for entry in finished] for name in _COPIED},
    }
    epochs = len(next(iter(finished[0].runs.values()))["val_loss"])
    columns["epoch_time_s"] = [_epoch_time(entry.first) for entry in finished]
    columns["train_time_s"] = [epochs * seconds for seconds in columns["epoch_time_s"]]
    types: dict[str, pa.DataType] = {}
    for name, source in CURVE_COLUMNS.items():
        of_runs = [[run[source] for run in entry.runs.values()] for entry in finished]
        if any(value is None for runs in of_runs for curve in runs for value in curve):
            continue  # measured by no run: of an ok run all values are there, or none
        columns[name] = [curves[0] for curves in of_runs]
        columns[f"{name}_runs"] = of_runs
        types[name] = pa.list_(pa.float32())
        types[f"{name}_runs"] = pa.list_(types[name])
    table = pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})
    metadata: dict[str, object] = {
        "space": build.space,
        "dataset": dataset.name,
        "num_classes": dataset.num_classes,
        "resolution": dataset.resolution,
        "channels": dataset.channels,
        "epochs": epochs,
        "source": f"trained by naspred bench build ({build.name})",
        "licence": build.licence,
        **_own_space(build.space),
        "build": _facts(build, finished, final, lost, failed_runs, rows),
    }
    return table, metadata


def _own_space(name: str) -> dict[str, object]:
    """Return what makes a table of a plug-in's DAG cells readable without the plug-in."""
    space = get_space(name)
    if not isinstance(space, DagSpace):
        return {}
    return {"operations": list(space.operations), "vertices": space.vertices}


def _finals(entry: _Architecture) -> list[float]:
    """Return the target of each run, in percent."""
    runs = entry.runs.values()
    if all(run["val_acc"][-1] is not None for run in runs):
        return [float(run["val_acc"][-1]) for run in runs]
    return [100.0 - float(run["val_loss"][-1]) for run in runs]


def _epoch_time(row: dict[str, Any]) -> float:
    """Return the seconds of an epoch as if the core had been free: what ran beside it has no part."""
    wall = float(row["epoch_time_s"])
    return wall if row["device"] != "cpu" else wall * min(1.0, float(row["cpu_s"]) / float(row["wall_s"]))


def _test_means(finished: Sequence[_Architecture]) -> list[float] | None:
    values = [[run["test_acc"] for run in entry.runs.values()] for entry in finished]
    if any(value is None for runs in values for value in runs):
        return [None] * len(values)  # type: ignore[list-item]  # a column of nulls: unknown
    return [float(np.mean(runs)) for runs in values]


def _facts(
    build: Build,
    finished: Sequence[_Architecture],
    final: Sequence[Sequence[float]],
    lost: int,
    failed_runs: int,
    rows: pa.Table,
) -> dict[str, object]:
    """Return what the metadata say of how the table was made."""
    full = [place for place, entry in enumerate(finished) if len(entry.runs) == build.runs]
    targets = {
        "val_acc": [final[place] for place in full],
        "val_loss": [[run["val_loss"][-1] for run in finished[place].runs.values()] for place in full],
    }
    arrays = {
        name: np.array(values, dtype=np.float64).reshape(len(full), build.runs)
        for name, values in targets.items()
    }
    return {
        "recipe": build.recipe,
        "seed": build.seed,
        "runs": build.runs,
        "training_version": TRAINING_VERSION,
        "planned_architectures": build.archs,
        "failed_architectures": lost,
        "failed_runs": failed_runs,
        "cpu_hours": round(float(np.nansum(rows["cpu_s"].to_numpy())) / 3600, 3),
        "devices": sorted({row for row in rows["device"].to_pylist() if row}),
        "noise_ceiling": {name: _rounded(noise_ceiling(values)) for name, values in arrays.items()},
        "first_run": _rounded(first_run_agreement(arrays["val_acc"])),
    }


def _rounded(found: NoiseCeiling | FirstRunAgreement | None) -> dict[str, float] | None:
    return None if found is None else {name: round(value, 4) for name, value in asdict(found).items()}

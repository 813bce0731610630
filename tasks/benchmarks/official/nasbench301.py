"""NAS-Bench-301 from its training logs.

Zela et al., "Surrogate NAS Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS
Benchmarks", ICLR 2022.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.columns import complete
from tasks.benchmarks.official.output import table_path, write
from tasks.benchmarks.official.runs import MALFORMED, Imported, Runs
from tasks.errors import InputError
from tasks.spaces.registry import get_space

SPACE, DATASET = "darts", "cifar10"
SOURCE = "NAS-Bench-301 (Zela et al., ICLR 2022)"
LICENCE = "Apache-2.0"

_PREFIX = "NetworkSelectorDatasetInfo:darts:"
_CURVES = {
    "train_loss": "train_loss", "train_acc_curve": "train_accuracy",
    "val_loss": "val_loss", "val_acc_curve": "val_accuracy",
}  # fmt: skip


def import_logs(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Imported]:
    """Convert the training logs, one JSON file per run, in a folder and its sub-folders.

    ``val_acc`` and ``test_acc`` are means over runs of the same genotype; curves and times are
    those of the first run, by file name. Runs that did not last as long as most, or diverged, are left
    out.

    Args:
        source: A folder with ``*.json``.
        out: A folder, or the file.
        on_progress: Called with the share of the files that has been read, in [0, 1].

    Returns:
        The table, in a list.

    Raises:
        InputError: There are no logs, one is not as it must be, or they are of networks of
            different depths or widths.
        OSError: The table cannot be written.
    """
    source = Path(source)
    files = sorted(source.rglob("*.json")) if source.is_dir() else []
    if not files:
        raise InputError(f"{source}: must be a folder with logs *.json")
    runs = Runs()
    sizes: dict[tuple[Any, Any], Path] = {}
    for number, file in enumerate(files, start=1):
        size, run = _read(file)
        try:
            sizes.setdefault(size, file)
            runs.add(run)
        except MALFORMED as error:
            raise _no_log(file, error) from error
        if on_progress is not None:
            on_progress(number / len(files))
    if len(sizes) > 1:
        named = ", ".join(f"{size} in {file}" for size, file in sizes.items())
        raise InputError(
            f"{source}: holds networks of different (layers, channels): {named}; import them apart"
        )
    epochs = runs.keep_commonest_length(source)
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in runs.kept:
        groups.setdefault(run["canonical"], []).append(run)
    path = table_path(Path(out), SPACE, DATASET)
    write_darts(path, [_row(group, epochs) for group in groups.values()], epochs, SOURCE, source)
    return [runs.imported(path)]


def write_darts(path: Path, rows: list[dict[str, Any]], epochs: int | None, source: str, file: Path) -> None:
    """Write rows as a table of ``darts/cifar10``."""
    write(
        path,
        pa.table(complete(rows)),
        space=SPACE,
        dataset=DATASETS[DATASET],
        epochs=epochs,
        source=source,
        licence=LICENCE,
        file=file,
    )


def _read(file: Path) -> tuple[tuple[Any, Any], dict[str, Any]]:
    """Return (layers, channels) and what is needed of a run."""
    try:
        log = json.loads(file.read_text())
        config = log["optimized_hyperparamater_config"]
        curves = {name.rsplit("/", 1)[-1]: values for name, values in log["learning_curves"].items()}
        space = get_space(SPACE)
        arch = space.parse(_genotype(config))
        run = {
            "arch": space.format(arch),
            "canonical": space.canonical(arch),
            "val_acc": float(log["info"][0]["val_accuracy"]),
            "test_acc": float(log["test_accuracy"]),
            "train_time_s": float(log["runtime"]),
            "val_acc_curve": curves["val_accuracy"],  # the only one that every log must have
            **{ours: curves.get(theirs) for ours, theirs in _CURVES.items()},
        }
        return (config.get(f"{_PREFIX}layers"), config.get(f"{_PREFIX}init_channels")), run
    except (OSError, RecursionError, InputError, *MALFORMED) as error:
        raise _no_log(file, error) from error


def _no_log(file: Path, error: Exception) -> InputError:
    return InputError(f"{file}: not a log of NAS-Bench-301 ({type(error).__name__}: {error})")


def _genotype(config: Mapping[str, Any]) -> str:
    """Return the genotype of a configuration: operations by edge, inputs by node."""
    cells = {}
    for cell in ("normal", "reduce"):
        pairs, first_edge = [], 0
        for node in range(2, 6):
            # The first node has no choice of inputs.
            chosen = config[f"{_PREFIX}inputs_node_{cell}_{node}"] if node > 2 else "0_1"
            for predecessor in map(int, chosen.split("_")):
                pairs.append((config[f"{_PREFIX}edge_{cell}_{first_edge + predecessor}"], predecessor))
            first_edge += node
        cells[cell] = pairs
    concat = [2, 3, 4, 5]
    return (
        f"Genotype(normal={cells['normal']}, normal_concat={concat}, "
        f"reduce={cells['reduce']}, reduce_concat={concat})"
    )


def _row(runs: list[dict[str, Any]], epochs: int) -> dict[str, Any]:
    first = dict(runs[0])
    accuracies = [run["val_acc"] for run in runs]
    first.update(
        val_acc=float(np.mean(accuracies)),
        val_acc_runs=accuracies,
        test_acc=float(np.mean([run["test_acc"] for run in runs])),
        epoch_time_s=first["train_time_s"] / epochs,
    )
    return first

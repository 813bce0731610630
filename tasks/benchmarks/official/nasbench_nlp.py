"""NAS-Bench-NLP from the logs that its authors published.

Klyuchnikov et al., "NAS-Bench-NLP: Neural Architecture Search Benchmark for Natural Language
Processing", IEEE Access 2022 (arXiv 2006.07116): folders ``train_logs_single_run`` (Penn Treebank),
``train_logs_multi_runs`` and ``train_logs_wikitext-2`` with one JSON file per training run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.benchmarks.official.columns import complete
from tasks.benchmarks.official.output import table_path, write
from tasks.benchmarks.official.runs import MALFORMED, OUTSIDE, UNFINISHED, Imported, Runs
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.registry import get_space

SPACE = "nasbench_nlp"
SOURCE = "NAS-Bench-NLP (Klyuchnikov et al., 2020)"
LICENCE = "Apache-2.0"

_FINISHED = "OK"


def import_nasbench_nlp(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Imported]:
    """Convert a folder of logs into one table.

    ``val_acc`` and ``test_acc`` are 100 - loss at the last epoch, the target of White et al.
    (NeurIPS 2021), means over runs of the same recipe; curves and times are those of the first
    run. Only runs with status OK, finite curves and the commonest number of epochs are taken; recipes
    that the space does not hold (too many nodes) are left out.

    Args:
        source: A folder with ``*.json``; ``wikitext`` in its name tells the data set, else it is
            ``ptb``.
        out: A folder, or the file.
        on_progress: Called with the share of the files that has been read, in [0, 1].

    Returns:
        The table, in a list.

    Raises:
        InputError: There are no logs, or one is not as it must be.
        OSError: The table cannot be written.
    """
    source = Path(source)
    files = sorted(source.glob("*.json")) if source.is_dir() else []
    if not files:
        raise InputError(f"{source}: must be a folder with logs *.json")
    dataset = "wikitext-2" if "wikitext" in source.name else "ptb"
    runs = Runs()
    for number, file in enumerate(files, start=1):
        try:
            _read(file, runs)
        except (OSError, RecursionError, *MALFORMED) as error:
            raise InputError(
                f"{file}: not a log of NAS-Bench-NLP ({type(error).__name__}: {error})"
            ) from error
        if on_progress is not None:
            on_progress(number / len(files))
    epochs = runs.keep_commonest_length(source)
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in runs.kept:
        groups.setdefault(run["canonical"], []).append(run)
    path = table_path(Path(out), SPACE, dataset)
    write(
        path,
        pa.table(complete([_row(group) for group in groups.values()])),
        space=SPACE,
        dataset=DatasetInfo(dataset),
        epochs=epochs,
        source=SOURCE,
        licence=LICENCE,
        file=source,
    )
    return [runs.imported(path)]


def _read(file: Path, runs: Runs) -> None:
    """Add what is needed of a finished run."""
    log = json.loads(file.read_text())
    if log["status"] != _FINISHED:
        runs.leave_out(UNFINISHED)
        return
    space = get_space(SPACE)
    try:
        arch = space.parse(log["recepie"])
    except InputError:
        runs.leave_out(OUTSIDE)
        return
    runs.add(
        {
            "arch": space.format(arch),
            "canonical": space.canonical(arch),
            "train_loss": list(log["train_losses"]),
            "val_loss": list(log["val_losses"]),
            "test_loss": float(log["test_losses"][-1]),
            "train_time_s": float(np.sum(log["wall_times"])),
        }
    )


def _row(runs: list[dict[str, Any]]) -> dict[str, Any]:
    first = runs[0]
    final = [100.0 - run["val_loss"][-1] for run in runs]
    return {
        **{name: first[name] for name in ("arch", "canonical", "train_loss", "val_loss", "train_time_s")},
        "val_acc": float(np.mean(final)),
        "val_acc_runs": final,
        "test_acc": 100.0 - float(np.mean([run["test_loss"] for run in runs])),
        "epoch_time_s": first["train_time_s"] / len(first["val_loss"]),
    }

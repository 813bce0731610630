"""NASLib's tables with full learning curves.

White et al., "How Powerful are Performance Predictors in Neural Architecture Search?", NeurIPS 2021,
published ``nb201_<data set>_full_training.pickle``, ``nb301_full_training.pickle`` and
``nb_nlp.pickle``: dicts from an architecture to what was measured in one training run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.columns import complete
from tasks.benchmarks.official.naslib_notation import official_notation
from tasks.benchmarks.official.output import table_path, write
from tasks.benchmarks.unpickle import load_data
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.registry import get_space

SOURCE = "NASLib (White et al., NeurIPS 2021)"
LICENCE = "Apache-2.0"

_NB201_DATASETS = {
    "cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120",
}  # fmt: skip

_LONGEST_EPOCH_S = 600.0
"""The authors' GPUs took 6 to 90 s per epoch of NAS-Bench-201, 1,200 s and more for all 200."""

_Row = dict[str, Any]


def import_naslib(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Path]:
    """Convert one of NASLib's pickles; which one is seen from its content.

    The final value of a curve is ``val_acc``. NAS-Bench-NLP's is 100 - validation loss, as in the
    study; its losses become ``train_loss`` and ``val_loss``. The training time of NAS-Bench-201 is
    taken as that of one epoch if the median over all architectures is below 600 s, else as that of
    the whole training. Runs that did not last as long as the others, or diverged, are left out.

    Args:
        source: The pickle.
        out: A folder, or the file if there is one data set.
        on_progress: Called with the share that has been converted, in [0, 1].

    Returns:
        The paths of the tables.

    Raises:
        InputError: The file is damaged, holds more than data, or is another kind of file.
        OSError: A table cannot be written.
    """
    source = Path(source)
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    content = load_data(source)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{source}: expected a dict of architectures, got {type(content).__name__}")
    try:
        space, tables = _convert(content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(f"{source}: not a table of NASLib ({type(error).__name__}: {error})") from error
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    paths = []
    for number, (dataset, rows) in enumerate(tables.items(), start=1):
        info = DATASETS.get(dataset, DatasetInfo(dataset))
        path = table_path(Path(out), space, dataset, tables=len(tables))
        kept, epochs = _same_length(rows)
        write(
            path,
            _table(space, kept),
            space=space,
            dataset=info,
            epochs=epochs,
            source=SOURCE,
            licence=LICENCE,
            file=source,
        )
        paths.append(path)
        if on_progress is not None:
            on_progress(number / len(tables))
    return paths


def _convert(content: Mapping[Any, Any]) -> tuple[str, dict[str, list[_Row]]]:
    """Return the space and the rows of each data set."""
    key = next(iter(content))
    if isinstance(key, str):
        return "nasbench201", _nasbench201(content)
    if isinstance(key, tuple) and len(key) == 2:
        return "darts", {"cifar10": [_darts(arch, entry) for arch, entry in content.items()]}
    if isinstance(key, tuple) and len(key) == 3:
        return "nasbench_nlp", {"ptb": [_nasbench_nlp(arch, entry) for arch, entry in content.items()]}
    raise InputError(f"key {key!r} is no architecture of NAS-Bench-201, DARTS or NAS-Bench-NLP")


def _nasbench201(content: Mapping[str, Mapping[str, Any]]) -> dict[str, list[_Row]]:
    tables: dict[str, list[_Row]] = {}
    for theirs, ours in _NB201_DATASETS.items():
        found = {arch: entry[theirs] for arch, entry in content.items() if theirs in entry}
        if not found:
            continue
        times = np.array([float(entry["cost_info"]["train_time"]) for entry in found.values()])
        tables[ours] = [
            {
                "arch": arch,
                "train_loss": entry["train_losses"],
                "val_loss": entry["eval_losses"],
                "train_acc_curve": entry["train_acc1es"],
                "val_acc_curve": entry["eval_acc1es"],
                "val_acc": entry["eval_acc1es"][-1],
                **_cost(
                    float(time), len(entry["train_losses"]), per_epoch=np.median(times) < _LONGEST_EPOCH_S
                ),
            }
            for (arch, entry), time in zip(found.items(), times, strict=True)
        ]
    if not tables:
        raise InputError(f"has none of the data sets {', '.join(_NB201_DATASETS)}")
    return tables


def _darts(arch: object, entry: Mapping[str, Any]) -> _Row:
    return {
        "arch": official_notation("darts", arch),
        "train_loss": entry["train_losses"],
        "val_acc_curve": entry["val_accuracies"],
        "val_acc": entry["val_accuracies"][-1],
        **_cost(float(entry["runtime"]), len(entry["train_losses"]), per_epoch=False),
    }


def _nasbench_nlp(arch: object, entry: Mapping[str, Any]) -> _Row:
    seconds = float(np.sum(entry["wall_times"]))
    return {
        "arch": official_notation("nasbench_nlp", arch),
        "train_loss": entry["train_losses"],
        "val_loss": entry["val_losses"],
        "val_acc": 100.0 - entry["val_losses"][-1],
        "test_acc": 100.0 - entry["test_losses"][-1],
        **_cost(seconds, len(entry["train_losses"]), per_epoch=False),
    }


def _cost(seconds: float, epochs: int, *, per_epoch: bool) -> _Row:
    total = seconds * epochs if per_epoch else seconds
    return {"train_time_s": total, "epoch_time_s": total / epochs}


def _same_length(rows: Sequence[_Row]) -> tuple[list[_Row], int]:
    """Return the rows with curves of the commonest length that are finite throughout, and the length."""
    lengths = [len(row["train_loss"]) for row in rows]
    epochs = max(set(lengths), key=lengths.count)
    curves = [name for name in rows[0] if isinstance(rows[0][name], list | np.ndarray)]
    kept = [
        row
        for row in rows
        if all(len(row[name]) == epochs and np.isfinite(row[name]).all() for name in curves)
    ]
    if not kept:
        raise InputError("no run has finite curves of equal length")
    return kept, epochs


def _table(space: str, rows: Sequence[_Row]) -> pa.Table:
    known = get_space(space)
    codes = known.parse_many([row["arch"] for row in rows])
    columns = complete(rows)
    return pa.table({**columns, "canonical": known.canonical_many(codes)})

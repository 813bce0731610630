"""NASLib's tables with full learning curves.

White et al., "How Powerful are Performance Predictors in Neural Architecture Search?", NeurIPS 2021,
published ``nb201_<data set>_full_training.pickle``, ``nb301_full_training.pickle`` and
``nb_nlp.pickle``: dicts from an architecture to what was measured in one training run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.official.columns import complete
from tasks.benchmarks.official.naslib_notation import official_notation
from tasks.benchmarks.official.output import table_path, write
from tasks.benchmarks.official.runs import MALFORMED, OUTSIDE, Imported, Runs
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

_LONGEST_KEY = 200
"""Characters of an architecture in an error message."""

_Row = dict[str, Any]


def import_naslib(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Imported]:
    """Convert one of NASLib's pickles; which one is seen from its content.

    The final value of a curve is ``val_acc``. NAS-Bench-NLP's is 100 - validation loss, as in the
    study; its losses become ``train_loss`` and ``val_loss``. The training time of NAS-Bench-201 is
    taken as that of one epoch if the median over all architectures is below 600 s, else as that of
    the whole training. Runs that did not last as long as most, or diverged, are left out, and cells
    that the space does not hold (of NAS-Bench-NLP those with too many nodes).

    Args:
        source: The pickle.
        out: A folder, or the file if there is one data set.
        on_progress: Called with the share that has been converted, in [0, 1].

    Returns:
        The tables.

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
    space, tables = _convert(content, source)
    written = []
    for number, (dataset, runs) in enumerate(tables.items(), start=1):
        epochs = runs.keep_commonest_length(source)
        path = table_path(Path(out), space, dataset, tables=len(tables))
        write(
            path,
            pa.table(complete(runs.kept)),
            space=space,
            dataset=DATASETS.get(dataset, DatasetInfo(dataset)),
            epochs=epochs,
            source=SOURCE,
            licence=LICENCE,
            file=source,
        )
        written.append(runs.imported(path))
        if on_progress is not None:
            on_progress(number / len(tables))
    return written


def _convert(content: Mapping[Any, Any], source: Path) -> tuple[str, dict[str, Runs]]:
    """Return the space and the runs on each data set."""
    key = next(iter(content))
    if isinstance(key, str):
        return "nasbench201", _nasbench201(content, source)
    if isinstance(key, tuple) and len(key) == 2:
        return "darts", {"cifar10": _runs("darts", content, _darts, source)}
    if isinstance(key, tuple) and len(key) == 3:
        return "nasbench_nlp", {"ptb": _runs("nasbench_nlp", content, _nasbench_nlp, source)}
    raise InputError(f"{source}: key {key!r} is no architecture of NAS-Bench-201, DARTS or NAS-Bench-NLP")


def _nasbench201(content: Mapping[str, Any], source: Path) -> dict[str, Runs]:
    tables: dict[str, Runs] = {}
    for theirs, ours in _NB201_DATASETS.items():
        found, times = {}, []
        for arch, entry in content.items():
            try:
                if theirs in entry:
                    found[arch] = entry[theirs]
                    times.append(float(found[arch]["cost_info"]["train_time"]))
            except MALFORMED as error:
                raise _no_entry(source, arch, error) from error
        if found:
            per_epoch = bool(np.median(times) < _LONGEST_EPOCH_S)
            read = partial(_nasbench201_run, per_epoch=per_epoch)
            tables[ours] = _runs("nasbench201", found, read, source)
    if not tables:
        raise InputError(f"{source}: has none of the data sets {', '.join(_NB201_DATASETS)}")
    return tables


def _runs(
    name: str, entries: Mapping[Any, Any], read: Callable[[Mapping[str, Any]], _Row], source: Path
) -> Runs:
    """Read the entry of each architecture of a space."""
    space, runs = get_space(name), Runs()
    for key, entry in entries.items():
        try:
            text = key if name == "nasbench201" else official_notation(name, key)
            run = read(entry)
        except (InputError, *MALFORMED) as error:
            raise _no_entry(source, key, error) from error
        try:
            arch = space.parse(text)
        except InputError:
            runs.leave_out(OUTSIDE)
            continue
        try:
            runs.add({"arch": space.format(arch), "canonical": space.canonical(arch), **run})
        except MALFORMED as error:
            raise _no_entry(source, key, error) from error
    return runs


def _no_entry(source: Path, key: object, error: Exception) -> InputError:
    shown = str(key) if len(str(key)) <= _LONGEST_KEY else f"{str(key)[:_LONGEST_KEY]}..."
    return InputError(f"{source}: {shown}: not an entry of NASLib ({type(error).__name__}: {error})")


def _nasbench201_run(entry: Mapping[str, Any], *, per_epoch: bool) -> _Row:
    seconds = float(entry["cost_info"]["train_time"])
    return {
        "train_loss": entry["train_losses"],
        "val_loss": entry["eval_losses"],
        "train_acc_curve": entry["train_acc1es"],
        "val_acc_curve": entry["eval_acc1es"],
        "val_acc": float(entry["eval_acc1es"][-1]),
        **_cost(seconds, len(entry["train_losses"]), per_epoch=per_epoch),
    }


def _darts(entry: Mapping[str, Any]) -> _Row:
    return {
        "train_loss": entry["train_losses"],
        "val_acc_curve": entry["val_accuracies"],
        "val_acc": float(entry["val_accuracies"][-1]),
        **_cost(float(entry["runtime"]), len(entry["train_losses"]), per_epoch=False),
    }


def _nasbench_nlp(entry: Mapping[str, Any]) -> _Row:
    seconds = float(np.sum(entry["wall_times"]))
    return {
        "train_loss": entry["train_losses"],
        "val_loss": entry["val_losses"],
        "val_acc": 100.0 - float(entry["val_losses"][-1]),
        "test_acc": 100.0 - float(entry["test_losses"][-1]),
        **_cost(seconds, len(entry["train_losses"]), per_epoch=False),
    }


def _cost(seconds: float, epochs: int, *, per_epoch: bool) -> _Row:
    total = seconds * epochs if per_epoch else seconds
    return {"train_time_s": total, "epoch_time_s": total / epochs}

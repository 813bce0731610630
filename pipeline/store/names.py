"""File names of the store: partition folders, part files and unfinished temporaries.

::

    OUT/results/task=<space>-<dataset>/part-<study>-<uuid>.parquet        appended rows
    OUT/results/task=<space>-<dataset>/part-merged-<uuid>.parquet         written by compact
    OUT/results/task=<space>-<dataset>/.part-<...>.parquet.tmp-<pid>-...  unfinished, ignored
    OUT/predictions/...                                                   the same layout
    OUT/architectures/...                                                 the same layout, scores by predictor
    OUT/checkpoints/<space>-<dataset>/<digest>.pt                         supernets

The partition key must not be the name of a column. A folder ``space=nasbench201-cifar10`` over
files with a column ``space`` (``nasbench201``) makes pandas refuse the directory (string against
dictionary type), and makes DuckDB and hive-partitioned Arrow data sets replace the column by the
folder's value without a word.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import uuid

RESULTS = "results"
PREDICTIONS = "predictions"
TRAININGS = "trainings"
SCORES = "scores"
ARCHITECTURES = "architectures"
CHECKPOINTS = "checkpoints"
PARTITION_KEY = "task"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MERGED = re.compile(r"part-merged-[0-9a-f]{32}\.parquet")
_TEMPORARY = re.compile(r"\..+\.tmp-(?P<pid>\d+)-\d+@(?P<host>.+)")
_LONGEST = 80  # leaves room for the uuid below the 255 bytes of common file systems


def safe(text: str) -> str:
    """Return ``text`` with everything but letters, digits, ``.``, ``_`` and ``-`` replaced."""
    return _UNSAFE.sub("_", text)[:_LONGEST] or "_"


def partition(dataset_folder: str, space: str, dataset: str) -> str:
    """Return the folder of one (space, dataset), relative to the root of the store."""
    return f"{dataset_folder}/{PARTITION_KEY}={safe(space)}-{safe(dataset)}"


def part_name(study: str) -> str:
    """Return a new, unique name for appended rows; never one of a merged file."""
    label = safe(study)
    return f"part-{label + '_' if label == 'merged' else label}-{uuid.uuid4().hex}.parquet"


def merged_name() -> str:
    """Return a new, unique name for a merged file."""
    return f"part-merged-{uuid.uuid4().hex}.parquet"


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def is_merged(path: str) -> bool:
    """Whether the file was written by a compaction."""
    return _MERGED.fullmatch(_last(path)) is not None


def is_part(path: str) -> bool:
    """Whether the file should hold rows."""
    name = _last(path)
    return name.startswith("part-") and name.endswith(".parquet")


def is_hidden(path: str) -> bool:
    """Whether readers of Parquet directories pass over the file, or a folder of it, by convention."""
    return any(name.startswith((".", "_")) for name in path.split("/"))


def host() -> str:
    """Return this machine's name, as used in names of temporaries."""
    return safe(socket.gethostname())


def temporary_name(name: str) -> str:
    """Return the dot-name under which this thread writes ``name`` before it is complete."""
    return f".{name}.tmp-{os.getpid()}-{threading.get_ident()}@{host()}"


def temporary_writer(name: str) -> tuple[int, str] | None:
    """Return (process id, host) of the writer of a temporary; None for any other file."""
    match = _TEMPORARY.fullmatch(name)
    return (int(match["pid"]), match["host"]) if match else None

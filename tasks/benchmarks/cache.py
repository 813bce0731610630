"""Converted tables in a folder of the user, so that each is converted once."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pyarrow as pa

from tasks.benchmarks.io import conform, read_table, to_benchmark, write_table
from tasks.benchmarks.metadata import TableMetadata
from tasks.benchmarks.schema import SCHEMA_VERSION
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError

_STALE_S = 3600.0
"""No conversion takes an hour: an unfinished file that old has lost its writer."""


class CacheWarning(UserWarning):
    """The cache could not be used as it should; the results are not affected."""


def cache_dir() -> Path:
    """Return the folder: the environment variable ``NASPRED_CACHE``, else the system's place."""
    return Path(os.environ.get("NASPRED_CACHE") or platformdirs.user_cache_dir("naspred", appauthor=False))


def cached_table(
    name: str, source: str, convert: Callable[[], tuple[pa.Table, dict[str, object]]]
) -> BenchmarkTable:
    """Return a converted table, from the cache if it is there and sound.

    A file that is damaged or changed is made anew with a warning, and so is everything in memory
    if the folder cannot be written. Several processes may do this at once: each writes a whole
    file of equal content under a temporary name and renames it.

    Args:
        name: ``space/dataset``.
        source: Digest of what the table is converted from; another source is another file.
        convert: Gives columns and metadata as ``write_table`` takes them.
    """
    path = cache_dir() / f"{name.replace('/', '-')}-v{SCHEMA_VERSION}-{source}.parquet"
    if path.exists():
        try:
            return read_table(path)
        except InputError as error:
            warnings.warn(f"cached benchmark table is made anew: {error}", CacheWarning, stacklevel=2)
    table, metadata = convert()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path.parent)
        return write_table(path, table, metadata)
    except OSError as error:
        warnings.warn(
            f"benchmark tables cannot be cached in {path.parent} ({error.strerror or error}); {name} is "
            "converted in memory, again in every process. Set NASPRED_CACHE to a folder that can be written.",
            CacheWarning,
            stacklevel=2,
        )
    facts = TableMetadata.from_mapping(metadata, name)
    return to_benchmark(conform(table, name), facts, name)


def _remove_stale(folder: Path) -> None:
    """Remove what killed writers left behind."""
    for path in folder.glob(".*.parquet.*.tmp-*"):
        try:
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer finished, or another process was faster

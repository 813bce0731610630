"""Where the tables of an import go."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tasks.benchmarks.io import write_table
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo


def table_path(out: Path, space: str, dataset: str, *, tables: int = 1) -> Path:
    """Return the file of a table.

    Args:
        out: A folder, or the file itself if there is one table only.
        space: Search space.
        dataset: Data set.
        tables: How many tables the import gives.

    Raises:
        InputError: There is no folder, or several tables for one file.
    """
    if out.is_dir():
        return out / f"{space}-{dataset}.parquet"
    if tables > 1:
        raise InputError(f"{out}: must be a folder that exists, because the file gives {tables} tables")
    if not out.parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.parent}")
    return out


def write(
    path: Path,
    table: pa.Table,
    *,
    space: str,
    dataset: DatasetInfo,
    epochs: int | None,
    source: str,
    licence: str,
    file: Path,
) -> None:
    """Check and write a table; errors name the file that it came from.

    Raises:
        InputError: Something in the table is not as it must be.
        OSError: The file cannot be written.
    """
    metadata = {
        "space": space,
        "dataset": dataset.name,
        "num_classes": dataset.num_classes,
        "resolution": dataset.resolution,
        "channels": dataset.channels,
        "epochs": epochs,
        "source": f"{source}, {file.name}",
        "licence": licence,
    }
    try:
        write_table(path, table, metadata)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error

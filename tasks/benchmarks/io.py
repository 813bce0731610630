"""Benchmark tables in files: one Parquet file per (space, dataset)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.benchmarks.assemble import TARGET_PREFIX, assemble
from tasks.benchmarks.columns import Columns
from tasks.benchmarks.metadata import TableMetadata
from tasks.benchmarks.schema import RUN_SCHEMA, SCHEMA
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import SearchSpace
from tasks.spaces.dag import DagSpace
from tasks.spaces.registry import get_space

_LEVEL = 9
_LOSSES = ("train_loss", "val_loss")


def write_table(path: str | Path, table: pa.Table, metadata: Mapping[str, object]) -> BenchmarkTable:
    """Check a table and write it; another process sees the whole file or none.

    Args:
        path: Where to; an existing file is replaced.
        table: Columns of ``schema.SCHEMA``, ``schema.RUN_SCHEMA`` and ``target:<name>``; ``arch``,
            ``canonical`` and ``val_acc`` are required, the others may be missing.
        metadata: The fields of ``TableMetadata``; ``space`` and ``dataset`` are required, and
            ``operations`` and ``vertices`` for a space of DAG cells. The fingerprint is computed.

    Returns:
        The table in memory, as ``read_table`` gives it.

    Raises:
        InputError: A wrong column, value or metadata entry.
        OSError: The file cannot be written.
    """
    path = Path(path)
    facts = TableMetadata.from_mapping(metadata, str(path))
    full = conform(table, str(path))
    benchmark = to_benchmark(full, facts, str(path))
    facts = replace(facts, fingerprint=benchmark.fingerprint)
    # The dot keeps an unfinished file out of directory scans; the process id tells whose it was.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            # Checksums of pages let a reader notice damage in columns that the fingerprint leaves out.
            pq.write_table(
                full.replace_schema_metadata(facts.to_schema()),
                file,
                compression="zstd",
                compression_level=_LEVEL,
                **_encodings(full.schema),
                write_page_checksum=True,
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return benchmark


def read_table(path: str | Path) -> BenchmarkTable:
    """Read a file that ``write_table`` wrote.

    Raises:
        InputError: The file is missing, damaged, or not of this schema, or its content does not
            belong to its fingerprint.
    """
    table, metadata = open_parquet(path)
    benchmark = to_benchmark(table, metadata, str(path))
    if metadata.fingerprint != benchmark.fingerprint:
        raise InputError(
            f"{path}: the content has fingerprint {benchmark.fingerprint[:12]}, the metadata says "
            f"{str(metadata.fingerprint)[:12]}; the file was damaged or changed after it was written"
        )
    return benchmark


def open_parquet(path: str | Path) -> tuple[pa.Table, TableMetadata]:
    """Return the content and the metadata of a Parquet file.

    Raises:
        InputError: There is no such file, it is not Parquet, it is damaged or holds no rows.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; a benchmark table is one Parquet file")
    try:
        # ParquetFile reads this file only; the data set reader would take folder names for columns.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read([name for name in file.schema_arrow.names if name not in RUN_SCHEMA.names])
            str(table.schema)  # decodes all names, which a damaged file may make impossible
    # Damaged data raise Arrow's errors or, in texts, ValueError.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error})") from error
    if table.num_rows == 0:
        raise InputError(f"{path}: the table has no rows")
    return table, TableMetadata.from_schema(table.schema.metadata, str(path))


def conform(table: pa.Table, file: str) -> pa.Table:
    """Return the table with exactly the columns of the schema, then its extra targets and runs.

    Raises:
        InputError: An unknown column or a wrong type.
    """
    columns = Columns(table, file)
    extra = [name for name in table.column_names if name.startswith(TARGET_PREFIX)]
    by_run = [field for field in RUN_SCHEMA if field.name in table.column_names]
    fields = [*SCHEMA, *(pa.field(name, pa.float64()) for name in extra), *by_run]
    for name in table.column_names:
        if name not in SCHEMA.names and name not in extra and name not in RUN_SCHEMA.names:
            raise InputError(
                f"{file}: unknown column {name!r}; {did_you_mean(name, SCHEMA.names)}, {TARGET_PREFIX}<name>"
            )
    arrays = []
    for field in fields:
        if field.name not in table.column_names:
            arrays.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            arrays.append(table.column(field.name).cast(field.type))
        except pa.ArrowException as error:
            columns.fail(
                field.name, None, f"has type {table.column(field.name).type}, must be {field.type} ({error})"
            )
    return pa.table(arrays, schema=pa.schema(fields))


def to_benchmark(table: pa.Table, metadata: TableMetadata, file: str) -> BenchmarkTable:
    """Return a table of our schema in memory; its canonical forms are taken as they stand.

    Raises:
        InputError: A missing or wrong column, or metadata without space or data set.
    """
    for name in ("space", "dataset"):
        if getattr(metadata, name) is None:
            raise InputError(f"{file}: metadata {name!r} is missing")
    columns = Columns(table, file)
    space = stated_space(metadata, str(metadata.space), file)
    return assemble(
        columns,
        metadata,
        space=space,
        dataset=metadata.dataset_info(str(metadata.dataset)),
        codes=space.parse_many(columns.texts("arch", "the architecture in the space's notation")),
        canonical=columns.texts("canonical", "the canonical form of the architecture"),
    )


def stated_space(metadata: TableMetadata, name: str, file: str) -> SearchSpace:
    """Return the space that the metadata describes, or the registered one of this name.

    Raises:
        InputError: There is none, or what is described is no space.
    """
    try:
        if metadata.operations is not None and metadata.vertices is not None:
            return DagSpace(name, metadata.operations, metadata.vertices)
        return get_space(name)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """Return how columns are encoded: losses byte by byte, which halves them, the rest by dictionary."""
    paths = {field.name: _leaf(field) for field in schema}
    losses = [path for name, path in paths.items() if name.removesuffix("_runs") in _LOSSES]
    return {
        "use_dictionary": [path for path in paths.values() if path not in losses],
        "column_encoding": dict.fromkeys(losses, "BYTE_STREAM_SPLIT"),
    }


def _leaf(field: pa.Field) -> str:
    """Return the name that Parquet gives to the values of a column, inside any lists."""
    path: str = field.name
    kind = field.type
    while pa.types.is_list(kind):
        path, kind = f"{path}.list.element", kind.value_type
    return path


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

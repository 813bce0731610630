"""One part file: its bytes, and the checks before its rows are believed."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.rows import ROW_SCHEMA
from tasks.errors import InputError

_VERSION_KEY = b"naspred_row_schema"
_REQUIRED = ("key", "status", "arch")  # of a schema that has them
_ROW_GROUP = 65_536
_BROKEN = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises on damaged bytes; ``ValueError`` where a name in the footer is no UTF-8."""


class DamagedPartError(ValueError):
    """The file is not a part file that can be read; the message says why."""


def encode(table: pa.Table) -> bytes:
    """Return the table as the bytes of a Parquet file, with checksums of its pages."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        # Keys are digests: a dictionary of them only costs.
        use_dictionary=[name for name in table.column_names if name != "key"],
        row_group_size=_ROW_GROUP,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def open_part(name: str, source: pa.NativeFile, schema: pa.Schema = ROW_SCHEMA) -> pq.ParquetFile:
    """Return the open part file, its version checked.

    Args:
        name: Of the file, for errors.
        source: Its content.
        schema: Schema of the data set, in its present version.

    Raises:
        DamagedPartError: Not Parquet, cut off, or written by something else.
        InputError: Written by a newer version of naspred.
    """
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        version, newest = _version(file.schema_arrow), _version(schema)
    except _BROKEN as error:
        raise DamagedPartError(_first_line(error)) from error
    if version > newest:
        raise InputError(
            f"{name}: row schema version {version} was written by a newer naspred; this one reads "
            f"versions up to {newest}. Upgrade naspred"
        )
    return file


def decode(file: pq.ParquetFile, schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    """Return some columns of the file's rows; columns that an older version lacks are null.

    Args:
        file: The part file.
        schema: Schema of the whole data set, in its present version.
        columns: Names of columns of ``schema``.

    Raises:
        DamagedPartError: Data is corrupt, a column has another type, or one is missing that the
            file's version has (be it among ``columns`` or not).
    """
    present = set(file.schema_arrow.names)
    # Of a file of the present version, a missing column means damage to the footer.
    names = schema.names
    required = (
        names if _version(file.schema_arrow) == _version(schema) else [n for n in _REQUIRED if n in names]
    )
    missing = [name for name in required if name not in present]
    if missing:
        raise DamagedPartError(f"column {missing[0]} is missing")
    wanted = [name for name in columns if name in present]
    try:
        table = file.read(columns=wanted)
    except _BROKEN as error:
        raise DamagedPartError(_first_line(error)) from error
    arrays = []
    projected = project(schema, columns)
    for field in projected:
        if field.name not in present:
            arrays.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            column = table[field.name].cast(field.type)
        except pa.ArrowException as error:
            raise DamagedPartError(f"column {field.name}: {_first_line(error)}") from error
        if field.name in _REQUIRED and column.null_count:
            raise DamagedPartError(f"column {field.name} has nulls")
        arrays.append(column)
    return pa.table(arrays, schema=projected)


def project(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """Return the named fields of ``schema``, in the given order, with its metadata.

    Raises:
        InputError: A name is unknown.
    """
    unknown = [name for name in columns if name not in schema.names]
    if unknown:
        raise InputError(f"columns: {unknown} are unknown; allowed: {', '.join(schema.names)}")
    return pa.schema([schema.field(name) for name in columns], metadata=schema.metadata)


def _version(schema: pa.Schema) -> int:
    text = (schema.metadata or {}).get(_VERSION_KEY, b"").decode()
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("Parquet, but not written by naspred")
    return int(text)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__

"""A user's own measurements as a benchmark."""

from __future__ import annotations

import functools
import re
import warnings
from pathlib import Path

from tasks.benchmarks.assemble import assemble
from tasks.benchmarks.columns import Columns, unused
from tasks.benchmarks.dag_columns import ADJACENCY, OPS, read_cells
from tasks.benchmarks.io import open_parquet, stated_space
from tasks.benchmarks.metadata import TableMetadata, check_name
from tasks.benchmarks.schema import SCHEMA
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.spaces.base import Codes, SearchSpace
from tasks.spaces.registry import get_space, space_names


class TableWarning(UserWarning):
    """Something in a user's table looks like a slip, but the table can be used."""


def read_user_table(
    path: str | Path, *, space: str | None = None, dataset: str | None = None
) -> BenchmarkTable:
    """Read a Parquet file of measured architectures.

    Architectures are either strings in a column ``arch``, in the notation of a registered space
    (``space``, else the metadata, else the one space that can read the first row), or cells in the
    columns ``ops`` (list of strings, one label per vertex, the input first and the output last)
    and ``adjacency`` (0/1 entries, flat row by row or as lists of rows, upper triangular). If a
    file has both, ``arch`` is used when the space is a registered one.

    ``val_acc`` in percent is required. ``test_acc``, ``train_time_s``, ``params``, ``flops``,
    ``latency_s``, ``epoch_time_s``, curves and ``target:<name>`` columns are used if present.
    Without ``train_time_s`` the training of architectures counts 0 seconds, so initialisation
    times hold fitting only. Rows of the same canonical form share a canonical id. The forms are
    computed, unless the file has a column ``canonical`` and its content belongs to the fingerprint
    in its metadata, as in a file that ``write_table`` wrote.

    Args:
        path: The file.
        space: Name of the space; default: the metadata's, else ``custom`` for cells.
        dataset: Name of the data set; default: the metadata's, else made of the file's name.

    Raises:
        InputError: Names file, column, row (from 0) and what is allowed.
    """
    file = str(path)
    table, metadata = open_parquet(path)
    columns = Columns(table, file)
    for remark in unused(table.column_names, [*SCHEMA.names, OPS, ADJACENCY]):
        warnings.warn(f"{file}: {remark}", TableWarning, stacklevel=2)
    found, codes = _architectures(columns, metadata, space)
    name = dataset or metadata.dataset or _name_of(Path(path))
    make = functools.partial(
        assemble,
        columns,
        metadata,
        space=found,
        dataset=metadata.dataset_info(check_name(name, f"{file}: name of the data set")),
        codes=codes,
    )
    if metadata.fingerprint is not None and columns.has("canonical"):
        stated = make(canonical=columns.texts("canonical", "the canonical form of the architecture"))
        if stated.fingerprint == metadata.fingerprint:
            return stated
    return make(canonical=found.canonical_many(codes))


def _architectures(
    columns: Columns, metadata: TableMetadata, wanted: str | None
) -> tuple[SearchSpace, Codes]:
    name = wanted or metadata.space
    cells = columns.has(OPS) or columns.has(ADJACENCY)
    described = metadata.operations is not None and metadata.vertices is not None
    if columns.has("arch") and (not cells or name in space_names() or described):
        return _strings(columns, _space_of_strings(columns, metadata, name, described=described))
    if not cells:
        raise InputError(
            f"{columns.file}: no architectures; the file needs a column 'arch' (strings of a registered "
            f"space: {', '.join(space_names())}) or the columns '{OPS}' and '{ADJACENCY}'; "
            f"it has {', '.join(columns.table.column_names) or 'no columns'}"
        )
    name = check_name(name or "custom", f"{columns.file}: name of the space")
    if name in space_names():
        raise InputError(
            f"{columns.file}: space {name!r} has its own notation, give its strings in a column 'arch'; "
            f"for cells in '{OPS}' and '{ADJACENCY}' choose another name"
        )
    return read_cells(columns, name)


def _space_of_strings(
    columns: Columns, metadata: TableMetadata, name: str | None, *, described: bool
) -> SearchSpace:
    if name is not None or described:
        name = check_name(name or "custom", f"{columns.file}: name of the space")
        return stated_space(metadata, name, columns.file)
    head = Columns(columns.table.slice(0, 1), columns.file).texts("arch", "an architecture")[0]
    readers = [candidate for candidate in map(get_space, space_names()) if _reads(candidate, head)]
    if len(readers) != 1:
        columns.fail(
            "arch", 0, f"is {head!r}, which no registered space can read ({', '.join(space_names())})"
        )
    return readers[0]


def _reads(space: SearchSpace, text: str) -> bool:
    try:
        space.parse(text)
    except InputError:
        return False
    return True


def _strings(columns: Columns, space: SearchSpace) -> tuple[SearchSpace, Codes]:
    texts = columns.texts("arch", f"an architecture of {space.name}")
    try:
        return space, space.parse_many(texts)
    except InputError as error:
        raise InputError(f"{columns.file}, column 'arch', {error}") from error


def _name_of(path: Path) -> str:
    """Make a data set name of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("._-") or "table"

"""The result store: partitioned Parquet, written in atomic parts, read exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.rows import PREDICTION_SCHEMA, ROW_SCHEMA, Row, to_table
from pipeline.store import dedupe
from pipeline.store.compact import Compaction, CompactReport
from pipeline.store.errors import StoreError
from pipeline.store.files import open_files
from pipeline.store.names import (
    ARCHITECTURES,
    PREDICTIONS,
    RESULTS,
    SCORES,
    TRAININGS,
    is_hidden,
    part_name,
    partition,
)
from pipeline.store.parts import encode, project
from pipeline.store.scan import scan, warn_damaged

_NOT_NULL = ("key", "study", "space", "dataset", "status", "finished_at")
_MAX_ROWS = 200_000
_MAX_PREDICTIONS = 2_000_000


class ResultStore:
    """Rows, predictions and small documents of one or many runs below one folder or URL.

    Any number of processes may append, read and compact at once. Writing is atomic per file and
    durable on return. Nothing is created before the first write.

    Other engines read the files directly, also while a run is writing::

        pandas.read_parquet("OUT/results")
        duckdb.sql("SELECT * FROM 'OUT/results/*/*.parquet'")
        pyarrow.dataset.dataset("OUT/results", partitioning="hive")
        polars.read_parquet("OUT/results/*/*.parquet")

    Where an engine reads the folder names, it adds a column ``task``, ``<space>-<dataset>``. They
    see every stored row, those of earlier attempts at a task included. What ``read`` does, in SQL::

        SELECT * FROM 'OUT/results/*/*.parquet'
        QUALIFY row_number() OVER (PARTITION BY key ORDER BY status = 'ok' DESC, finished_at DESC) = 1

    Args:
        out: Local folder, or ``s3://bucket/prefix`` or ``gs://bucket/prefix``.
        folder: Where the rows are, below ``out``.
        schema: Of the rows: key, study, space, dataset, status, finished_at and what else is wanted,
            its version in the metadata as in ``ROW_SCHEMA``.

    Raises:
        InputError: ``out`` can never hold a store (below a regular file, unknown scheme, client
            package missing).
    """

    def __init__(self, out: str | Path, *, folder: str = RESULTS, schema: pa.Schema = ROW_SCHEMA) -> None:
        self._files = open_files(out)
        self._folder, self._schema = folder, schema
        self._damaged: list[tuple[str, str]] = []

    @property
    def root(self) -> str:
        """Absolute path or URL, without a trailing slash."""
        return self._files.root

    def append(self, rows: list[Row]) -> None:
        """Store rows: one new file per (space, dataset, study) among them.

        Readers see each file whole or not at all. If this raises, files of other partitions may
        have been written; appending all rows again is safe, since duplicates are not read.

        Args:
            rows: Result rows. key, study, space, dataset, status and finished_at must be set.

        Raises:
            StoreError: Disk full, no permission, network down; the message says what to do.
            ValueError: A column that must be set is null, or a value has the wrong type.
            KeyError: A row has an unknown column.
        """
        table = to_table(rows, self._schema)
        for name in _NOT_NULL:
            if table[name].null_count:
                raise ValueError(f"rows without {name} cannot be stored")
        groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            groups[row["space"], row["dataset"], row["study"]].append(index)
        for (space, dataset, study), chosen in groups.items():
            name = f"{partition(self._folder, space, dataset)}/{part_name(study)}"
            self._files.write(name, encode(table.take(chosen)))

    def append_predictions(self, table: pa.Table, *, space: str, dataset: str, study: str) -> None:
        """Store the predictions of some tasks of one (space, dataset) as one new file.

        Args:
            table: ``PREDICTION_SCHEMA``, in any column order: one row per test architecture. The
                rows of a key must be complete, and in one call.
            space: Search space.
            dataset: Data set.
            study: Name of the study.

        Raises:
            StoreError: As for ``append``.
            ValueError: The table does not have the columns of ``PREDICTION_SCHEMA``.
        """
        if sorted(table.column_names) != sorted(PREDICTION_SCHEMA.names):
            raise ValueError(f"predictions have columns {table.column_names}, not {PREDICTION_SCHEMA.names}")
        if table.num_rows:
            ordered = table.select(PREDICTION_SCHEMA.names).cast(PREDICTION_SCHEMA)
            self._files.write(f"{partition(PREDICTIONS, space, dataset)}/{part_name(study)}", encode(ordered))

    def done_keys(self, *, include_failed: bool) -> pa.Array:
        """Return the keys that need not run again, each once, in no particular order.

        A failed task fails again if nothing changed, and a ``degenerate`` or ``skipped`` one is
        the result of a deterministic computation; so a plain resume leaves them alone. A ``lost``
        task says something about the machine, not about the task: it always runs again.

        Args:
            include_failed: True for a plain resume: every key whose row (by the rules of
                ``read``) is not ``lost``. False to try failed tasks again (``--retry-failed``):
                only keys with an ok row.

        Returns:
            Strings. Subtract with ``pyarrow.compute.is_in(plan, value_set=done)``.

        Raises:
            StoreError: The store cannot be read.
            InputError: A file was written by a newer naspred.
        """
        table = self._results(dedupe.COLUMNS)
        if not include_failed:
            return pc.unique(table["key"].filter(pc.equal(table["status"], "ok")))
        keys = pc.unique(table["key"])
        lost = table["key"].filter(pc.equal(table["status"], "lost"))
        if not len(lost):
            return keys
        candidates = table.filter(pc.is_in(table["key"], value_set=pc.unique(lost)))
        counted = candidates.filter(dedupe.newest(candidates))
        again = counted["key"].filter(pc.equal(counted["status"], "lost"))
        return keys.filter(pc.invert(pc.is_in(keys, value_set=pc.unique(again))))

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Return one row per key: the newest ok row, else the newest row.

        Damaged and foreign files are skipped with a ``StoreWarning`` that names them. Rows of
        older schema versions have nulls where they lack a column.

        Args:
            columns: Columns wanted, in this order; None for all.

        Returns:
            A table of the store's schema or the chosen part of it, rows in no particular order; no
            rows if nothing is stored.

        Raises:
            StoreError: The store cannot be read.
            InputError: A column is unknown, or a file was written by a newer naspred.
        """
        wanted = project(self._schema, columns or self._schema.names)
        extra = [name for name in dedupe.COLUMNS if name not in wanted.names]
        table = self._results([*wanted.names, *extra])
        # filter, not take: take joins the chunks of a string column, which fails above 2 GiB.
        return table.filter(dedupe.newest(table)).select(wanted.names)

    def read_predictions(self) -> pa.Table:
        """Return the stored predictions, those of each key once (from the last file by name).

        Returns:
            A table of ``PREDICTION_SCHEMA``, in no particular order of keys.

        Raises:
            StoreError: The store cannot be read.
            InputError: A file was written by a newer naspred.
        """
        return _last_predictions(self._scan(PREDICTIONS, PREDICTION_SCHEMA, PREDICTION_SCHEMA.names))

    def damaged(self) -> list[tuple[str, str]]:
        """Return (file, reason) of each file that the last reading call skipped."""
        return list(self._damaged)

    def compact(self) -> CompactReport:
        """Merge the part files of each partition, and remove what dead writers left behind.

        Predictions are merged with the results that they belong to.

        Safe at any time, also twice at once or when killed: no row that ``read`` would return
        is ever absent. Of rows that meet in a merged file, superseded ones are dropped. A merged
        file has at most 200,000 rows (predictions: 2,000,000).

        Raises:
            StoreError: Reading, writing or deleting failed; no row is lost.
            InputError: A file was written by a newer naspred.
        """
        parts = [(self._folder, Compaction(self._files, self._schema, _newest_rows, _MAX_ROWS))]
        if self._folder == RESULTS:
            merge = Compaction(self._files, PREDICTION_SCHEMA, _last_predictions, _MAX_PREDICTIONS)
            parts.append((PREDICTIONS, merge))
        self._damaged = []
        for folder, compaction in parts:
            compaction.run(folder)
            self._damaged += compaction.damaged
        warn_damaged(self._files, self._damaged)
        return CompactReport(
            files_before=sum(compaction.files_before for _, compaction in parts),
            files_after=sum(compaction.files_after for _, compaction in parts),
            rows_dropped=sum(compaction.rows_dropped for _, compaction in parts),
            temporaries_removed=self._files.remove_stale(),
            damaged=tuple(self._damaged),
        )

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a small document such as ``figures/tau.png``, atomically; replaces an older one.

        Raises:
            StoreError: As for ``append``.
            ValueError: The name leaves the store or enters its data folders.
        """
        self._files.write(_document(name), data)

    def write_text(self, name: str, text: str) -> None:
        """Write a small text document such as ``study.yaml`` as UTF-8, atomically."""
        self.write_bytes(name, text.encode())

    def read_bytes(self, name: str) -> bytes | None:
        """Return a document written by ``write_bytes``; None if there is none.

        Raises:
            StoreError: It is there and cannot be read.
            ValueError: As for ``write_bytes``.
        """
        for _, source in self._files.open_many([_document(name)]):
            if isinstance(source, FileNotFoundError):
                return None
            if isinstance(source, OSError):
                raise StoreError("read", f"{self.root}/{name}", str(source), "Check its permissions")
            return bytes(source.read())
        return None

    def read_text(self, name: str) -> str | None:
        """Return a document written by ``write_text``; None if there is none.

        Raises:
            StoreError: It is there and cannot be read, or is not UTF-8.
            ValueError: As for ``write_bytes``.
        """
        data = self.read_bytes(name)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as error:
            raise StoreError("read", f"{self.root}/{name}", str(error), "Save it as UTF-8") from error

    def documents(self, folder: str) -> list[str]:
        """Return the names of the documents below a folder such as ``plans``, sorted."""
        return [name for name in self._files.list(_document(folder)) if not is_hidden(name)]

    def has_results(self) -> bool:
        """Whether any result was ever stored here."""
        return bool(self._files.list(self._folder))

    def _results(self, columns: Sequence[str]) -> pa.Table:
        empty = project(self._schema, columns).empty_table()
        return pa.concat_tables([empty, *self._scan(self._folder, self._schema, columns)])

    def _scan(self, folder: str, schema: pa.Schema, columns: Sequence[str]) -> list[pa.Table]:
        found = scan(self._files, folder, schema, columns)
        self._damaged = found.damaged
        warn_damaged(self._files, found.damaged)
        return [table for _, table in found.tables]


def _newest_rows(tables: Sequence[pa.Table]) -> pa.Table:
    table = pa.concat_tables(tables)
    return table.filter(dedupe.newest(table))


def _last_predictions(tables: Sequence[pa.Table]) -> pa.Table:
    table = pa.concat_tables([PREDICTION_SCHEMA.empty_table(), *tables])
    part = np.repeat(np.arange(len(tables)), [part.num_rows for part in tables])
    return table.filter(dedupe.last_part(table, part))


def _document(name: str) -> str:
    """Return ``name`` if it stays inside the store and outside its data folders."""
    parts = name.split("/")
    taken = {RESULTS, PREDICTIONS, TRAININGS, SCORES, ARCHITECTURES}
    if parts[0] in taken or not all(parts) or {".", ".."} & set(parts):
        raise ValueError(f"{name!r} is not the name of a document")
    return name

"""Merging small part files, safely while others read, append and compact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.store.errors import StoreError
from pipeline.store.files import Files
from pipeline.store.names import is_hidden, is_part, merged_name
from pipeline.store.parts import DamagedPartError, decode, encode, open_part
from pipeline.store.scan import read_parts, reason

Merge = Callable[[Sequence[pa.Table]], pa.Table]
"""Tables of several part files, ordered by name -> the rows that count."""


@dataclass(frozen=True, slots=True)
class CompactReport:
    """What a compaction did.

    Attributes:
        files_before: Part files found.
        files_after: Part files left of these, with the merged ones.
        rows_dropped: Superseded rows that no reader would have returned.
        temporaries_removed: Unfinished files of dead writers that were removed.
        damaged: Name and reason of each file that was left alone because it cannot be read.
    """

    files_before: int
    files_after: int
    rows_dropped: int
    temporaries_removed: int
    damaged: tuple[tuple[str, str], ...]

    def __add__(self, other: CompactReport) -> CompactReport:
        """Return what two compactions of different data did together."""
        return CompactReport(
            self.files_before + other.files_before,
            self.files_after + other.files_after,
            self.rows_dropped + other.rows_dropped,
            self.temporaries_removed + other.temporaries_removed,
            self.damaged + other.damaged,
        )


class Compaction:
    """Merges the part files of one data set, partition by partition.

    The order of events makes it safe against a crash at any moment, and against other
    compactions: the merged file is complete, durable and read back before the first input is
    deleted, and only inputs whose every row was read are deleted. Rows are in two files for a
    while; readers drop duplicates.

    Attributes:
        files_before: Part files found so far.
        files_after: Part files left of these, with the merged ones.
        rows_dropped: Superseded rows dropped so far.
        damaged: Name and reason of each file that cannot be read.
    """

    def __init__(self, files: Files, schema: pa.Schema, merge: Merge, max_rows: int) -> None:
        self._files = files
        self._schema = schema
        self._merge = merge
        self._max_rows = max_rows
        self.files_before = 0
        self.files_after = 0
        self.rows_dropped = 0
        self.damaged: list[tuple[str, str]] = []

    def run(self, folder: str) -> None:
        """Merge below ``folder``.

        Files of more than half the row limit are left alone, so that repeated compactions do
        not write the same rows again and again.

        Raises:
            StoreError: Reading, writing or deleting failed; no row is lost.
            InputError: A file was written by a newer naspred.
        """
        partitions: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._files.list(folder):
            if is_hidden(name):
                continue
            if is_part(name):
                partitions[name.rpartition("/")[0]].append(name)
            else:
                self.damaged.append((name, "not a part file of the store"))
        for partition, names in partitions.items():
            self.files_before += len(names)
            self.files_after += len(names)
            for batch in self._batches(names):
                self._replace(partition, batch)

    def _batches(self, names: Sequence[str]) -> Iterator[list[tuple[str, pa.Table]]]:
        batch: list[tuple[str, pa.Table]] = []
        rows = 0
        for name, table in self._small_parts(names):
            if batch and rows + table.num_rows > self._max_rows:
                yield batch
                batch, rows = [], 0
            batch.append((name, table))
            rows += table.num_rows
        yield batch

    def _small_parts(self, names: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
        for name, source in self._files.open_many(names):
            if isinstance(source, FileNotFoundError):
                continue  # another compaction has merged it
            if isinstance(source, OSError):
                self.damaged.append((name, reason(source)))
                continue
            try:
                part = open_part(f"{self._files.root}/{name}", source, self._schema)
                if part.metadata.num_rows > self._max_rows // 2:
                    continue
                table = decode(part, self._schema, self._schema.names)
            except DamagedPartError as error:
                self.damaged.append((name, str(error)))
                continue
            yield name, table

    def _replace(self, partition: str, batch: Sequence[tuple[str, pa.Table]]) -> None:
        if len(batch) < 2:
            return
        merged = self._merge([table for _, table in batch])
        name = f"{partition}/{merged_name()}"
        self._files.write(name, encode(merged))
        self.files_after += 1
        if not self._verify(name, merged):
            return
        for old, _ in batch:
            self._files.delete(old)
        self.files_after -= len(batch)
        self.rows_dropped += sum(table.num_rows for _, table in batch) - merged.num_rows

    def _verify(self, name: str, merged: pa.Table) -> bool:
        """Whether the merged file holds what was written; False if it is merged further already.

        Raises:
            StoreError: It does not; it is removed and its inputs stay.
        """
        [(_, got)] = read_parts(self._files, [name], self._schema, self._schema.names)
        if isinstance(got, FileNotFoundError):
            return False
        if isinstance(got, pa.Table) and got["key"].equals(merged["key"]):
            return True
        self._files.delete(name)
        why = "its rows are not those written" if isinstance(got, pa.Table) else reason(got)
        raise StoreError("verify", f"{self._files.root}/{name}", why, "Its inputs stay; check the disk")

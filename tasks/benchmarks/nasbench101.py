"""NAS-Bench-101 as a benchmark table, from the files that its authors published.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019. The files
are ``nasbench_only108.tfrecord`` (three runs of 108 epochs of each of 423,624 cells) and
``nasbench_full.tfrecord`` (also three runs each of 4, 12 and 36 epochs).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.io import write_table
from tasks.benchmarks.metadata import TableMetadata
from tasks.benchmarks.nasbench101_record import EPOCHS, Run, read_run
from tasks.benchmarks.official.runs import Imported
from tasks.benchmarks.tfrecord import read_tfrecord
from tasks.errors import InputError
from tasks.spaces.base import Arch, Codes
from tasks.spaces.nasbench101 import NasBench101

RUNS = 3
"""Training runs of each cell and length."""

FINAL = EPOCHS[-1]

_DATASET = DATASETS["cifar10"]
_PROGRESS_RECORDS = 10_000


def import_nasbench101(
    source: str | Path, out: str | Path, on_progress: Callable[[float], None] | None = None
) -> list[Imported]:
    """Convert an official file into a benchmark table of ``nasbench101/cifar10``.

    One row per cell, in the order of the file: ``val_acc``, ``test_acc`` (percent) and
    ``train_time_s`` are means over the three runs of 108 epochs, ``val_acc_runs`` has the single
    runs, ``canonical`` is the module hash. A file with shorter runs adds the mean validation
    accuracies after 4, 12 and 36 epochs as ``target:val_acc_4`` and so on; these are complete
    trainings with their own learning-rate schedule, not points of one curve. Everything is checked: the
    file's checksums, that the hash and the number of parameters of each cell are those that we
    compute, that each cell has its three runs.

    Args:
        source: ``nasbench_only108.tfrecord`` or ``nasbench_full.tfrecord``.
        out: The Parquet file, replaced if it exists; in a folder, ``nasbench101-cifar10.parquet``.
        on_progress: Called with the share of the file that has been read, in [0, 1].

    Returns:
        The table, in a list.

    Raises:
        InputError: The source is damaged, incomplete or another kind of file, or there is no folder
            for ``out``.
        OSError: The table cannot be written.
    """
    source, out = Path(source), Path(out)
    if out.is_dir():
        out = out / f"nasbench101-{_DATASET.name}.parquet"
    if not out.parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.parent}")
    modules = _Modules(str(source))
    for number, (offset, content) in enumerate(read_tfrecord(source)):
        try:
            modules.add(read_run(content))
        except InputError as error:
            raise InputError(f"{source}: record at byte {offset}: {error}") from error
        if on_progress is not None and number % _PROGRESS_RECORDS == 0:
            on_progress(offset / source.stat().st_size)
    table = modules.table()
    if on_progress is not None:
        on_progress(1.0)
    metadata = {
        "space": NasBench101.name,
        "dataset": _DATASET.name,
        "num_classes": _DATASET.num_classes,
        "resolution": _DATASET.resolution,
        "channels": _DATASET.channels,
        "epochs": FINAL,
        "source": f"NAS-Bench-101 (Ying et al., ICML 2019), {source.name}",
        "licence": "Apache-2.0",
    }
    write_table(out, table, metadata)
    return [Imported(out, modules.runs, {})]


def find_module(table: str | Path, module_hash: str) -> Arch:
    """Return the cell that has an official module hash.

    Args:
        table: A Parquet file that ``import_nasbench101`` wrote.
        module_hash: 32 hexadecimal digits.

    Raises:
        InputError: The file is no table of this space, or has no such cell.
    """
    try:
        with pq.ParquetFile(table) as file:
            facts = TableMetadata.from_schema(file.schema_arrow.metadata, str(table))
            if facts.space != NasBench101.name:
                raise InputError(f"{table}: is a table of space {facts.space!r}, not {NasBench101.name!r}")
            columns = file.read(columns=["arch", "canonical"])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{table}: cannot be read as Parquet ({error})") from error
    found = columns.filter(pc.equal(columns["canonical"], module_hash))["arch"].to_pylist()
    if not found:
        raise InputError(f"{table}: none of its {len(columns)} cells has the module hash {module_hash!r}")
    return NasBench101().parse(found[0])


class _Modules:
    """Collects runs in whatever order, in some 200 bytes per cell and 16 to 32 per run."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.row: dict[str, int] = {}
        self.cells: list[str] = []
        self.params = array("q")
        # By length of training: the rows, and what was measured there.
        self.rows = {epochs: array("q") for epochs in EPOCHS}
        self.val_acc = {epochs: array("d") for epochs in EPOCHS}
        self.test_acc = array("d")
        self.train_time_s = array("d")

    @property
    def runs(self) -> int:
        return sum(map(len, self.rows.values()))

    def add(self, run: Run) -> None:
        row = self.row.setdefault(run.module_hash, len(self.row))
        if row == len(self.cells):
            self.cells.append(run.cell)
            self.params.append(run.params)
        elif self.cells[row] != run.cell or self.params[row] != run.params:
            raise InputError(f"module {run.module_hash}: cell or parameters differ from an earlier record")
        self.rows[run.epochs].append(row)
        self.val_acc[run.epochs].append(run.val_acc)
        if run.epochs == FINAL:
            self.test_acc.append(run.test_acc)
            self.train_time_s.append(run.train_time_s)

    def table(self) -> pa.Table:
        if not self.cells:
            raise InputError(f"{self.source}: the file has no records")
        codes = self._codes()
        params, flops = NasBench101().count(codes, _DATASET)
        stated = np.frombuffer(self.params, dtype=np.int64)
        self._refuse(
            params != stated,
            lambda row: f"states {stated[row]} trainable parameters, its network has {params[row]}",
        )
        runs = self._per_cell(FINAL, self.val_acc[FINAL], "validation accuracy", 100.0)
        columns = {
            "arch": self.cells,
            "canonical": list(self.row),
            "val_acc": runs.mean(axis=1),
            "test_acc": self._per_cell(FINAL, self.test_acc, "test accuracy", 100.0).mean(axis=1),
            "val_acc_runs": pa.ListArray.from_arrays(
                np.arange(0, runs.size + 1, RUNS, dtype=np.int32), pa.array(runs.ravel())
            ),
            "params": params,
            "flops": flops,
            "train_time_s": self._per_cell(FINAL, self.train_time_s, "training time", None).mean(axis=1),
        }
        for epochs in EPOCHS[:-1]:
            if self.rows[epochs]:
                values = self._per_cell(epochs, self.val_acc[epochs], "validation accuracy", 100.0)
                columns[f"target:val_acc_{epochs}"] = values.mean(axis=1)
        return pa.table(columns)

    def _codes(self) -> Codes:
        """Read the cells and compare their hashes with the stated ones."""
        space = NasBench101()
        try:
            codes = space.parse_many(self.cells)
        except InputError as error:
            raise InputError(f"{self.source}: cells in the order of their first record: {error}") from error
        hashes = space.canonical_many(codes)
        wrong = [own != stated for own, stated in zip(hashes, self.row, strict=True)]
        self._refuse(np.array(wrong), lambda row: f"has a cell whose module hash is {hashes[row]}")
        return codes

    def _per_cell(
        self, epochs: int, values: array[float], what: str, percent: float | None
    ) -> NDArray[np.float64]:
        """Return the runs of each cell in the order of the file, shape (cells, 3)."""
        rows = np.frombuffer(self.rows[epochs], dtype=np.int64)
        counts = np.bincount(rows, minlength=len(self.cells))
        self._refuse(
            counts != RUNS,
            lambda row: (
                f"has {counts[row]} runs of {epochs} epochs, must be {RUNS}; the file is not complete"
            ),
        )
        table = np.frombuffer(values, dtype=np.float64)[np.argsort(rows, kind="stable")].reshape(-1, RUNS)
        high = np.inf if percent is None else 1.0
        # Written so that NaN, which compares false with everything, counts as wrong.
        sound = (table >= 0.0) & (table <= high) & np.isfinite(table)
        self._refuse(
            np.asarray(~sound.all(axis=1)),
            lambda row: f"has {what} {table[row].tolist()} after {epochs} epochs, must be in [0, {high:g}]",
        )
        return table if percent is None else table * percent

    def _refuse(self, wrong: NDArray[np.bool_], problem: Callable[[int], str]) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(f"{self.source}: module {list(self.row)[row]} {problem(row)}")

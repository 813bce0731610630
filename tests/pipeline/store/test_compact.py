"""Merging while others read, append and merge, and while the machine fails."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.rows import PREDICTION_SCHEMA, ROW_SCHEMA
from pipeline.store import ResultStore, StoreError
from pipeline.store.compact import Compaction
from pipeline.store.local import LocalFiles
from pipeline.store.names import RESULTS, is_merged, is_part
from pipeline.store.scan import scan


def merged_names(folder):
    return sorted(path.name for path in Path(folder).rglob("*.parquet") if is_merged(path.name))


class Interrupting(LocalFiles):
    """Local files that run something once at a chosen moment, as another process could."""

    def __init__(self, root):
        super().__init__(root)
        self.actions = {}

    def happens(self, moment):
        self.actions.pop(moment, lambda: None)()

    def list(self, folder):
        names = super().list(folder)
        if change := self.actions.pop("listing", None):
            return change(names)
        self.happens("listed")
        return names

    def open_many(self, names):
        for position, opened in enumerate(super().open_many(names)):
            yield opened
            self.happens(f"read {position}")

    def write(self, name, data):
        self.happens("before write")
        super().write(name, data)
        self.happens("written")

    def delete(self, name):
        self.happens("before delete")
        super().delete(name)


@pytest.fixture
def files(tmp_path, row):
    store = ResultStore(tmp_path)
    for number in range(4):
        store.append([row(number)])
    return Interrupting(tmp_path)


def keys(found):
    return sorted(pa.concat_tables([table for _, table in found.tables])["key"].to_pylist())


EVERY_KEY = ["k0", "k1", "k2", "k3"]


def compaction(files, max_rows=200_000):
    return Compaction(files, ROW_SCHEMA, pa.concat_tables, max_rows)


@pytest.mark.parametrize("moment", ["listed", "read 0", "read 2"])
def test_reading_while_a_compaction_deletes(files, tmp_path, moment):
    files.actions[moment] = ResultStore(tmp_path).compact
    found = scan(files, RESULTS, ROW_SCHEMA, ROW_SCHEMA.names)
    assert set(keys(found)) == set(EVERY_KEY)
    assert found.damaged == []
    assert len(merged_names(tmp_path)) == 1


def test_listing_that_misses_both_sides_of_a_compaction(files, tmp_path):
    """A long listing can pass the merged file's place before it is there, and its inputs after."""

    def neither(names):
        ResultStore(tmp_path).compact()
        return names[:1]

    files.actions["listing"] = neither
    found = scan(files, RESULTS, ROW_SCHEMA, ROW_SCHEMA.names)
    assert set(keys(found)) == set(EVERY_KEY)


def test_empty_listing_during_a_compaction(files, tmp_path):
    def nothing(names):
        ResultStore(tmp_path).compact()
        return []

    files.actions["listing"] = nothing
    assert set(keys(scan(files, RESULTS, ROW_SCHEMA, ROW_SCHEMA.names))) == set(EVERY_KEY)


def test_files_that_vanish_after_the_second_listing(files, tmp_path):
    def nothing_yet(names):
        files.actions["listed"] = ResultStore(tmp_path).compact
        return []

    files.actions["listing"] = nothing_yet
    assert keys(scan(files, RESULTS, ROW_SCHEMA, ["key"])) == EVERY_KEY


def test_second_listing_that_misses_one_of_two_compactions(files, tmp_path, row):
    other = ResultStore(tmp_path)
    for number in range(4, 6):
        other.append([row(number, dataset="digits")])

    def nothing(names):
        other.compact()
        files.actions["listing"] = lambda names: [name for name in names if "digits" not in name]
        return []

    files.actions["listing"] = nothing
    assert keys(scan(files, RESULTS, ROW_SCHEMA, ["key"])) == [*EVERY_KEY, "k4", "k5"]


def test_damaged_file_that_vanishes_while_its_successor_is_missed(files, tmp_path):
    [first, *_] = sorted(tmp_path.rglob("part-*"))
    whole = first.read_bytes()
    first.write_bytes(whole[:100])

    def nothing(names):
        first.write_bytes(whole)
        ResultStore(tmp_path).compact()
        return []

    files.actions["read 3"] = lambda: files.actions.update(listing=nothing)
    assert set(keys(scan(files, RESULTS, ROW_SCHEMA, ["key"]))) == set(EVERY_KEY)


def test_damage_that_vanishes_is_no_damage(files, tmp_path):
    """A file cut off under the reader (deleted on a network file system) is read where it went."""
    [first, *_] = sorted(tmp_path.rglob("part-*"))
    whole = first.read_bytes()

    def repair_and_compact():
        first.write_bytes(whole)
        ResultStore(tmp_path).compact()

    first.write_bytes(whole[:100])
    files.actions["read 3"] = repair_and_compact
    found = scan(files, RESULTS, ROW_SCHEMA, ROW_SCHEMA.names)
    assert set(keys(found)) == set(EVERY_KEY)
    assert found.damaged == []


@pytest.mark.parametrize("moment", ["listed", "read 0", "read 3", "before write", "written", "before delete"])
def test_two_compactions_at_once(files, tmp_path, moment):
    files.actions[moment] = ResultStore(tmp_path).compact
    compaction(files).run(RESULTS)
    assert sorted(ResultStore(tmp_path).read()["key"].to_pylist()) == EVERY_KEY
    ResultStore(tmp_path).compact()
    assert sorted(ResultStore(tmp_path).read()["key"].to_pylist()) == EVERY_KEY
    assert len(list(tmp_path.rglob("*.parquet"))) == 1


def test_rows_appended_during_a_compaction_stay(files, tmp_path, row):
    for moment in ("listed", "read 1", "written", "before delete"):
        files.actions[moment] = lambda moment=moment: ResultStore(tmp_path).append([row(moment)])
    compaction(files).run(RESULTS)
    assert not files.actions
    assert ResultStore(tmp_path).read().num_rows == 8


def test_merged_file_that_reads_back_wrong_is_removed(files, tmp_path):
    before = sorted(tmp_path.rglob("*.parquet"))

    def cut():
        [path] = [path for path in tmp_path.rglob("*.parquet") if is_merged(path.name)]
        path.write_bytes(path.read_bytes()[:200])

    files.actions["written"] = cut
    with pytest.raises(StoreError, match=r"cannot verify .*part-merged-.*Its inputs stay"):
        compaction(files).run(RESULTS)
    assert sorted(tmp_path.rglob("*.parquet")) == before


def test_merged_file_with_other_rows_is_removed(files, tmp_path):
    before = sorted(tmp_path.rglob("*.parquet"))

    def swap():
        [path] = [path for path in tmp_path.rglob("*.parquet") if is_merged(path.name)]
        path.write_bytes(before[0].read_bytes())

    files.actions["written"] = swap
    with pytest.raises(StoreError, match="its rows are not those written"):
        compaction(files).run(RESULTS)
    assert sorted(tmp_path.rglob("*.parquet")) == before


def test_inputs_stay_when_the_merged_file_is_gone(files, tmp_path):
    before = sorted(tmp_path.rglob("*.parquet"))
    files.actions["written"] = lambda: next(p for p in tmp_path.rglob("*") if is_merged(p.name)).unlink()
    compaction(files).run(RESULTS)
    assert sorted(tmp_path.rglob("*.parquet")) == before


def test_large_files_are_left_alone(tmp_path, row):
    store = ResultStore(tmp_path)
    for size in (7, 2):
        store.append([row(f"{size}.{n}") for n in range(size)])
    compaction(LocalFiles(tmp_path), max_rows=12).run(RESULTS)
    assert sorted(pq.read_metadata(path).num_rows for path in tmp_path.rglob("*.parquet")) == [2, 7]


def test_merged_files_are_bounded_and_left_alone_later(tmp_path, row):
    store = ResultStore(tmp_path)
    for number in range(20):
        store.append([row(f"{number}.{n}") for n in range(3)])
    for _ in range(3):
        compaction(LocalFiles(tmp_path), max_rows=12).run(RESULTS)
        sizes = sorted(pq.read_metadata(path).num_rows for path in tmp_path.rglob("*.parquet"))
        assert sizes == [12] * 5
    names = merged_names(tmp_path)
    store.append([row("late")])
    compaction(LocalFiles(tmp_path), max_rows=12).run(RESULTS)
    assert merged_names(tmp_path) == names
    assert store.read().num_rows == 61


def test_limits_of_the_store(tmp_path, row):
    """Two data sets, each with its own schema and limit."""
    store = ResultStore(tmp_path)
    for number in range(2):
        many = {"key": [f"k{number}"] * 150_000, "arch": [str(n) for n in range(150_000)]}
        numbers = {"y_true": np.zeros(150_000), "y_pred": np.zeros(150_000)}
        table = pa.table({**many, **numbers})
        store.append_predictions(table, space="s", dataset="d", study="x")
        store.append([row(number)])
    report = store.compact()
    assert (report.files_before, report.files_after) == (4, 2)
    schemas = [pq.read_schema(path).names for path in sorted(tmp_path.rglob("*.parquet"))]
    assert schemas == [PREDICTION_SCHEMA.names, ROW_SCHEMA.names]


def test_killed_compactions_lose_nothing(tmp_path, script):
    """Appending, reading and compacting processes; the compacting ones are killed in mid-work."""
    out, journal, stop = tmp_path / "out", tmp_path / "journal", tmp_path / "stop"
    journal.touch()
    appenders = [script("processes.py", "append", out, journal, stop, name) for name in ("one", "two")]
    reader = script("processes.py", "read", out, journal, stop, stdout=subprocess.PIPE)
    try:
        for delay in np.random.default_rng(1).uniform(0.02, 0.6, size=6):
            compactor = script("processes.py", "compact", out, stdout=subprocess.PIPE)
            assert compactor.stdout.readline() == "ready\n"
            time.sleep(delay)
            assert compactor.poll() is None
            compactor.kill()
            compactor.communicate()
    finally:
        stop.touch()
    assert [process.wait(60) for process in appenders] == [0, 0]
    reads, _ = reader.communicate(timeout=60)
    assert reader.returncode == 0
    assert int(reads) >= 1
    acknowledged = journal.read_text().split()
    store = ResultStore(out)
    for _ in range(2):
        table = store.read(["key", "status"])
        assert sorted(table["key"].to_pylist()) == sorted(acknowledged)
        assert set(table["status"].to_pylist()) == {"ok"}
        assert sorted(store.done_keys(include_failed=False).to_pylist()) == sorted(acknowledged)
        store.compact()
    assert [name for name in LocalFiles(out).list("") if not is_part(name)] == []
    assert len(merged_names(out)) == 1

"""Files in the result folder that are not what they should be."""

from __future__ import annotations

import re
import shutil
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.rows import ROW_SCHEMA, ROW_SCHEMA_VERSION, to_table
from pipeline.store import ResultStore, StoreWarning
from tasks.errors import InputError

FOLDER = "results/task=nasbench201-cifar10"


@pytest.fixture
def store(tmp_path, row):
    made = ResultStore(tmp_path)
    made.append([row(0), row(1, traceback="x" * 5000, kendall=0.5)])
    return made


def versioned(version, *names):
    fields = [ROW_SCHEMA.field(name) for name in names]
    return pa.schema(fields, metadata={b"naspred_row_schema": version})


def truncated(path, good):
    path.write_bytes(good[: len(good) // 2])


def no_footer(path, good):
    path.write_bytes(good[:-8])


def footer_only(path, good):
    length = int.from_bytes(good[-8:-4], "little") + 8
    path.write_bytes(b"PAR1" + good[-length:])


def flipped_bit(path, good):
    """Flip a bit in the data of the key column: the footer stays valid."""
    column = pq.ParquetFile(pa.BufferReader(good)).metadata.row_group(0).column(0)
    middle = column.data_page_offset + column.total_compressed_size // 2
    path.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])


def zero_bytes(path, good):
    path.write_bytes(b"")


def text(path, good):
    path.write_text("key,status\nk,ok\n")


def other_program(path, good):
    pq.write_table(pa.table({"a": [1]}), path)


def other_types(path, good):
    table = pa.table({"key": ["k"], "status": ["ok"], "finished_at": ["yesterday"]})
    pq.write_table(table.replace_schema_metadata({b"naspred_row_schema": b"1"}), path)


def no_status(path, good):
    pq.write_table(versioned(b"1", "key", "kendall").empty_table(), path)


def one_column_missing(path, good):
    """As after damage to a name in the footer: must not be read as a column of nulls."""
    pq.write_table(pq.read_table(pa.BufferReader(good)).drop_columns(["kendall"]), path)


def null_keys(path, good):
    table = pa.table({"key": [None], "status": ["ok"]}, schema=versioned(b"1", "key", "status"))
    pq.write_table(table, path)


DAMAGES = [
    truncated, no_footer, footer_only, flipped_bit, zero_bytes, text, other_program, other_types,
    no_status, one_column_missing, null_keys,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_part_is_named_and_skipped(tmp_path, store, damage):
    [part] = tmp_path.rglob("part-*.parquet")
    bad = part.with_name("part-bad.parquet")
    damage(bad, part.read_bytes())
    calls = [store.read, lambda: store.read(["kendall"]), lambda: store.done_keys(include_failed=True)]
    for call in calls:
        with pytest.warns(StoreWarning, match=re.escape(f"{bad}: ")):
            assert len(call()) == 2
        assert [name for name, _ in store.damaged()] == [f"{FOLDER}/part-bad.parquet"]
    with pytest.warns(StoreWarning, match=re.escape(f"{bad}: ")):
        store.compact()
    assert bad in part.parent.iterdir()  # left for its owner to look at
    bad.unlink()
    assert len(store.read()) == 2
    assert store.damaged() == []


def test_dangling_link_is_named_and_skipped(tmp_path, store, row):
    (tmp_path / FOLDER / "part-bad.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.warns(StoreWarning, match=r"part-bad\.parquet: .*No such file"):
        assert len(store.read()) == 2
    store.append([row(2)])
    assert store.compact().files_after == 2  # the link, and the merged file


def test_footer_damage_anywhere_never_crashes(tmp_path, store):
    """Every byte of the footer, damaged one at a time: read right, or skipped with a warning."""
    [part] = tmp_path.rglob("part-*.parquet")
    good = part.read_bytes()
    start = len(good) - int.from_bytes(good[-8:-4], "little") - 8
    skipped = 0
    for position in range(start, len(good), 37):
        part.write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", StoreWarning)
            rows = ResultStore(tmp_path).read(["key", "kendall"]).num_rows
        assert rows == (0 if caught else 2)
        skipped += len(caught)
    assert skipped > 10


def test_foreign_files_are_named_and_hidden_ones_are_not(tmp_path, store, row):
    for name in ("notes.txt", "copy.parquet", "part-1.parquet.bak"):
        (tmp_path / FOLDER / name).write_text("x")
    (tmp_path / "results" / "plan.csv").write_text("x")
    [part] = tmp_path.rglob("part-s-*.parquet")
    for name in (".DS_Store", "_SUCCESS", ".part-s-0.parquet.tmp-1"):
        (tmp_path / FOLDER / name).write_text("x")
    (tmp_path / FOLDER / ".checkpoints").mkdir()
    shutil.copy(part, tmp_path / FOLDER / ".checkpoints" / part.name)
    with pytest.warns(StoreWarning) as caught:
        assert store.read().num_rows == 2
    assert len(caught) == 1
    foreign = [f"{FOLDER}/{n}" for n in ("copy.parquet", "notes.txt", "part-1.parquet.bak")]
    assert [name for name, _ in store.damaged()] == ["results/plan.csv", *foreign]
    store.append([row(2)])
    with pytest.warns(StoreWarning, match=r"plan\.csv: not a part file"):
        report = store.compact()
    assert (report.files_before, report.files_after) == (2, 1)
    assert (tmp_path / FOLDER / ".checkpoints" / part.name).exists()


def test_many_damaged_files_make_one_bounded_warning(tmp_path, store):
    for number in range(30):
        (tmp_path / FOLDER / f"part-{number:02}.parquet").write_text("x")
    with pytest.warns(StoreWarning, match="30 damaged or foreign") as caught:
        store.read()
    assert str(caught[0].message).count("part-") == 20
    assert "\n  and 10 more\n" in str(caught[0].message)
    assert len(store.damaged()) == 30


def test_older_schema_is_read_with_nulls(tmp_path, store, row):
    names = ("key", "status", "finished_at", "kendall")
    table = to_table([row("old", kendall=0.75)]).select(names)
    # A column that the present schema has no more, and a narrower type.
    table = table.append_column("retired", pa.array([1])).append_column("seed", pa.array([3], pa.int32()))
    pq.write_table(
        table.replace_schema_metadata({b"naspred_row_schema": b"0"}), tmp_path / FOLDER / "part-o.parquet"
    )
    for _ in range(2):
        table = store.read()
        assert table.schema.equals(ROW_SCHEMA)
        [old] = [r for r in table.to_pylist() if r["key"] == "kold"]
        assert (old["kendall"], old["seed"], old["spearman"], old["study"]) == (0.75, 3, None, None)
        assert store.compact().files_after == 1
    assert store.damaged() == []


def test_rows_without_time_are_the_oldest(tmp_path, store, row):
    table = to_table([row("x", status="error")]).select(["key", "status"])
    pq.write_table(
        table.replace_schema_metadata({b"naspred_row_schema": b"0"}), tmp_path / FOLDER / "part-o.parquet"
    )
    store.append([row("x", status="timeout", at=-(10**15))])
    assert "timeout" in store.read()["status"].to_pylist()
    assert "error" not in store.read()["status"].to_pylist()


def test_newer_schema_is_an_error_that_names_the_file(tmp_path, store):
    path = tmp_path / FOLDER / "part-new.parquet"
    newer = str(ROW_SCHEMA_VERSION + 1).encode()
    pq.write_table(versioned(newer, "key", "status").empty_table(), path)
    text = re.escape(f"{path}: row schema version {ROW_SCHEMA_VERSION + 1} was written by a newer naspred")
    for call in (store.read, store.compact, lambda: store.done_keys(include_failed=True)):
        with pytest.raises(InputError, match=text):
            call()
    assert len(list(tmp_path.rglob("part-*.parquet"))) == 2

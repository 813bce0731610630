"""The whole interface, on each kind of storage."""

from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.rows import PREDICTION_SCHEMA, ROW_SCHEMA
from pipeline.store import ResultStore, StoreWarning
from tasks.errors import InputError


def test_rows_come_back_from_another_instance(out, row):
    reader = ResultStore(out)
    assert reader.read().num_rows == 0  # an instance that has listed already must see later files
    rows = [
        row(0, kendall=0.5, params='{"a":1}'),
        row(1, dataset="digits", status="error", error_type="OSError"),
    ]
    ResultStore(out).append(rows)
    table = reader.read()
    assert table.schema.equals(ROW_SCHEMA)
    expected = [{name: r.get(name) for name in ROW_SCHEMA.names} for r in rows]
    assert sorted(table.to_pylist(), key=lambda r: r["key"]) == expected
    assert reader.damaged() == []
    assert reader.has_results()


def test_columns_are_those_asked_for(out, row):
    store = ResultStore(out)
    store.append([row(0, kendall=0.25), row(0, kendall=0.5, at=1)])
    table = store.read(["kendall", "space"])
    assert table.to_pydict() == {"kendall": [0.5], "space": ["nasbench201"]}
    with pytest.raises(InputError, match=r"'kendal'.*allowed: key, study"):
        store.read(["kendal"])


@pytest.mark.parametrize(
    ("statuses", "winner"),
    [
        (["error", "ok", "timeout"], 1),
        (["ok", "ok", "lost"], 1),
        (["error", "timeout", "degenerate"], 2),
        (["ok", "lost", "error"], 0),
    ],
)
def test_newest_ok_row_wins_else_the_newest(out, row, statuses, winner):
    store = ResultStore(out)
    for at in (2, 0, 1):  # written in another order than finished
        store.append([row(7, status=statuses[at], at=at, attempts=at)])
    for _ in range(2):
        assert store.read(["key", "status", "attempts"]).to_pylist() == [
            {"key": "k7", "status": statuses[winner], "attempts": winner}
        ]
        store.compact()


def test_done_keys(out, row):
    store = ResultStore(out)
    for status in ("ok", "degenerate", "error", "timeout", "lost", "skipped"):
        store.append([row(status, status=status)])
    store.append([row("lost then ok", status="lost", at=1), row("lost then ok", at=2)])
    store.append([row("ok then lost", at=1), row("ok then lost", status="lost", at=2)])
    store.append([row("lost then error", status="lost", at=1)])
    store.append([row("lost then error", status="error", at=2)])
    store.append([row("error then lost", status="error", at=1), row("error then lost", status="lost", at=2)])
    ok = {"kok", "klost then ok", "kok then lost"}
    final = ok | {"kdegenerate", "kerror", "ktimeout", "kskipped", "klost then error"}
    for _ in range(2):
        done = store.done_keys(include_failed=False)
        assert len(done) == len(ok)
        assert set(done.to_pylist()) == ok
        done = store.done_keys(include_failed=True)
        assert len(done) == len(final)
        assert set(done.to_pylist()) == final
        store.compact()


def test_done_keys_of_an_empty_store(out):
    for include_failed in (False, True):
        done = ResultStore(out).done_keys(include_failed=include_failed)
        assert (len(done), done.type) == (0, pa.string())


def test_compact_merges_per_partition(out, row):
    store = ResultStore(out)
    for number in range(6):
        store.append([row(number), row(f"d{number}", dataset="digits")])
        store.append([row(0, status="lost", at=9)])
    before = sorted(map(str, store.read().to_pylist()))
    assert len(before) == 12
    report = store.compact()
    assert (report.files_before, report.files_after, report.rows_dropped) == (18, 2, 6)
    assert sorted(map(str, store.read().to_pylist())) == before
    again = store.compact()
    assert (again.files_before, again.files_after, again.rows_dropped) == (2, 2, 0)
    store.append([row("late")])
    assert (store.compact().files_after, store.read().num_rows) == (2, 13)


def predictions(key, values, archs="ab"):
    columns = {"arch": list(archs), "key": [key] * 2, "y_pred": values, "y_true": [1.0, 2.0]}
    return pa.table(columns)


def test_predictions(out):
    store = ResultStore(out)
    assert store.read_predictions().num_rows == 0
    for values in ([0.1, 0.2], [0.1, 0.2]):  # the same task, executed twice
        store.append_predictions(predictions("k0", values), space="s", dataset="d", study="x")
    store.append_predictions(predictions("k1", [0.3, None]), space="s", dataset="e", study="x")
    for files in (3, 2):
        table = store.read_predictions()
        assert table.schema.equals(PREDICTION_SCHEMA)
        found = sorted((r["key"], r["arch"], r["y_true"], r["y_pred"]) for r in table.to_pylist())
        assert found == [("k0", "a", 1, 0.1), ("k0", "b", 2, 0.2), ("k1", "a", 1, 0.3), ("k1", "b", 2, None)]
        assert store.compact().files_before == files
    assert store.read().num_rows == 0
    with pytest.raises(ValueError, match="y_true"):
        store.append_predictions(pa.table({"key": ["k"]}), space="s", dataset="d", study="x")


def test_documents(out):
    store = ResultStore(out)
    assert store.read_text("study.yaml") is None
    store.write_text("study.yaml", "name: \u03c4\n")
    store.write_text("study.yaml", "name: \u03c4-2\n")
    store.write_bytes("figures/tau.png", b"\x89PNG")
    assert ResultStore(out).read_text("study.yaml") == "name: \u03c4-2\n"
    assert store.read_text("figures/none") is None
    assert store.read_bytes("figures/tau.png") == b"\x89PNG"
    assert store.documents("figures") == ["figures/tau.png"]
    assert store.documents("plans") == []
    assert not store.has_results()
    assert store.read().num_rows == 0
    for name in ("", "/etc/x", "../x", "a/../../x", "results/x", "predictions/x", "a//b", "./x"):
        with pytest.raises(ValueError, match="not the name of a document"):
            store.write_text(name, "")


def test_damaged_files_are_named_and_skipped(out, row):
    store = ResultStore(out)
    store.append([row(0)])
    # Documents cannot enter the data folders, so plant the damage one level deeper.
    files = store._files
    files.write("results/task=a-b/part-x.parquet", b"not parquet")
    with pytest.warns(StoreWarning, match=r"1 damaged.*\n  .*results/task=a-b/part-x.parquet: .*magic"):
        assert store.read().num_rows == 1
    assert [name for name, _ in store.damaged()] == ["results/task=a-b/part-x.parquet"]
    with pytest.warns(StoreWarning, match="part-x"):
        report = store.compact()
    assert [name for name, _ in report.damaged] == ["results/task=a-b/part-x.parquet"]


def test_bad_rows_are_refused(tmp_path, row):
    store = ResultStore(tmp_path / "out")
    for name in ("key", "study", "space", "dataset", "status", "finished_at"):
        with pytest.raises(ValueError, match=f"rows without {name}"):
            store.append([row(0), {**row(1), name: None}])
    with pytest.raises(KeyError, match="kendal"):
        store.append([row(0, kendal=1.0)])
    store.append([])
    assert not (tmp_path / "out").exists()  # created by the first row, not before


def test_names_of_files(tmp_path, row):
    store = ResultStore(tmp_path)
    assert store.root == str(tmp_path)
    store.append([row(0, study="my study/\u03c4", space="a b", dataset="../c"), row(1, study="merged")])
    store.append([row(2, study="x" * 300)])
    folders = {path.parent.name for path in tmp_path.rglob("*.parquet")}
    assert folders == {"task=a_b-.._c", "task=nasbench201-cifar10"}
    labels = {path.name[:-40] for path in tmp_path.rglob("*.parquet")}  # without uuid and suffix
    # "merged" is kept for what compact writes.
    assert labels == {"part-my_study_-", "part-merged_-", "part-" + "x" * 80 + "-"}
    assert store.read().num_rows == 3


def test_one_part_per_partition_and_study(tmp_path, row):
    ResultStore(tmp_path).append([row(n, dataset="ab"[n % 2], study=f"s{n // 4}") for n in range(8)])
    parts = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.parquet"))
    uuids = [uuid.UUID(part[-40:-8]) for part in parts]
    assert len(set(uuids)) == 4
    assert [part[:-40] for part in parts] == [
        "results/task=nasbench201-a/part-s0-", "results/task=nasbench201-a/part-s1-",
        "results/task=nasbench201-b/part-s0-", "results/task=nasbench201-b/part-s1-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("", "empty"),
        ("ftp://host/x", "scheme 'ftp' is not supported; allowed: a local folder, s3://"),
        ("s3://", "names no bucket"),
        ("s3:/bucket/x", "not a URL; give s3://bucket/prefix"),
    ],
)
def test_unusable_places(out, text):
    with pytest.raises(InputError, match=text):
        ResultStore(out)


def test_a_file_is_no_place(tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below", f"file://{tmp_path}/file"):
        with pytest.raises(InputError, match=r"file is not a folder"):
            ResultStore(out)


def test_relative_and_home_paths(tmp_path, row, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    relative, home, url = ResultStore("out"), ResultStore("~/out"), ResultStore(f"file://{tmp_path}/url")
    monkeypatch.chdir("/")  # a worker may run elsewhere
    for store, place in ((relative, "out"), (home, "home/out"), (url, "url")):
        store.append([row(0)])
        assert store.root == str(tmp_path / place)
        assert len(list(Path(store.root).rglob("*.parquet"))) == 1

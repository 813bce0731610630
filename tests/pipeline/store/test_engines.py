"""The files as other programs see them, with a left-over temporary beside them."""

from __future__ import annotations

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pipeline.store import ResultStore

EXPECTED = [("k0", "nasbench201", "cifar10", 0.5), ("k1", "nasbench201", "digits", None)]
COLUMNS = ["key", "space", "dataset", "kendall"]


@pytest.fixture(params=["parts", "compacted"])
def results(request, tmp_path, row):
    store = ResultStore(tmp_path)
    store.append([row(0, kendall=0.5), row(1, dataset="digits", status="error")])
    store.append([row(0, status="lost")])
    if request.param == "compacted":
        store.compact()
    else:
        # No superseded rows here: engines do not know the rule of ``read``.
        next(
            path for path in tmp_path.rglob("*.parquet") if pq.read_table(path)["status"][0].as_py() == "lost"
        ).unlink()
    for folder in (tmp_path / "results").iterdir():
        (folder / ".part-s-0123.parquet.tmp-99-1@host").write_bytes(b"PAR1 unfinished")
    return str(tmp_path / "results")


def test_pandas(results):
    frame = pd.read_parquet(results).sort_values("key")
    assert list(frame["space"]) == ["nasbench201"] * 2
    assert list(frame["task"]) == ["nasbench201-cifar10", "nasbench201-digits"]
    assert list(frame["kendall"].fillna(-1)) == [0.5, -1]
    filtered = pd.read_parquet(results, filters=[("space", "==", "nasbench201"), ("dataset", "==", "digits")])
    assert list(filtered["key"]) == ["k1"]


@pytest.mark.parametrize("partitioning", ["hive", None])
def test_pyarrow(results, partitioning):
    dataset = ds.dataset(results, format="parquet", partitioning=partitioning)
    rows = sorted(dataset.to_table(columns=COLUMNS).to_pylist(), key=lambda r: r["key"])
    assert [tuple(r.values()) for r in rows] == EXPECTED
    assert dataset.count_rows(filter=ds.field("space") == "nasbench201") == 2


def test_duckdb(results):
    source = f"'{results}/*/*.parquet'"
    query = f"SELECT {', '.join(COLUMNS)} FROM {source}"
    assert duckdb.sql(f"{query} ORDER BY key").fetchall() == EXPECTED
    assert (
        duckdb.sql(f"{query} WHERE space = 'nasbench201' AND dataset = 'digits'").fetchall() == EXPECTED[1:]
    )
    assert duckdb.sql(f"SELECT key FROM {source} WHERE task = 'nasbench201-digits'").fetchall() == [("k1",)]


def test_duckdb_query_that_applies_the_rule_of_read(tmp_path, row):
    store = ResultStore(tmp_path)
    for number, (status, at) in enumerate([("error", 3), ("ok", 1), ("ok", 2), ("lost", 4)]):
        store.append([row(0, status=status, at=at, attempts=number)])
        store.append([row(1, status="error", at=at, attempts=number)])
    rule = "QUALIFY row_number() OVER (PARTITION BY key ORDER BY status = 'ok' DESC, finished_at DESC) = 1"
    found = duckdb.sql(f"SELECT key, attempts FROM '{tmp_path}/results/*/*.parquet' {rule} ORDER BY key")
    assert found.fetchall() == [("k0", 2), ("k1", 3)]
    assert dict(zip(*store.read(["key", "attempts"]).to_pydict().values(), strict=True)) == {"k0": 2, "k1": 3}

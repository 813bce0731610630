from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rows import ROW_SCHEMA
from pipeline.store.dedupe import COLUMNS, last_part, newest

SCHEMA = pa.schema([ROW_SCHEMA.field(name) for name in COLUMNS])
a_row = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["ok", "error", "lost"]), st.none() | st.integers(0, 2)
)


def table(chunks):
    parts = [SCHEMA.empty_table()]
    for rows in filter(None, chunks):
        parts.append(pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows], SCHEMA))
    return pa.concat_tables(parts)


@settings(deadline=None)
@given(st.lists(st.lists(a_row, max_size=9), max_size=4))
def test_newest_keeps_the_best_row_of_each_key(chunks):
    rows = [row for chunk in chunks for row in chunk]
    best = {}
    for index, (key, status, micros) in enumerate(rows):
        rank = (status == "ok", -1 if micros is None else micros, status != "lost", index)
        best[key] = max(best.get(key, rank), rank)
    mask = newest(table(chunks))
    assert np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist() == sorted(
        rank[-1] for rank in best.values()
    )


@settings(deadline=None)
@given(st.lists(st.lists(a_row, min_size=1, max_size=9), min_size=2, max_size=4))
def test_rows_may_be_dropped_in_stages(chunks):
    whole = table(chunks)
    parts = [table([chunk]) for chunk in chunks]
    staged = pa.concat_tables([part.filter(newest(part)) for part in parts])
    assert staged.filter(newest(staged)).equals(whole.filter(newest(whole)))


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), max_size=4))
def test_last_part_keeps_all_rows_of_one_part(parts):
    keys = pa.chunked_array([pa.array(part, pa.string()) for part in parts], pa.string())
    numbers = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int64)
    last = {key: number for number, part in enumerate(parts) for key in part}
    expected = [number == last[key] for number, part in enumerate(parts) for key in part]
    assert last_part(pa.table({"key": keys}), numbers).to_pylist() == expected


def cpu_seconds(rows):
    start = time.process_time()
    mask = newest(rows).to_numpy(zero_copy_only=False)
    spent = time.process_time() - start
    assert mask.tolist() == [False] * (len(mask) // 2) + [True] * (len(mask) // 2)
    return spent


def test_many_chunks_do_not_take_quadratic_time():
    keys = [f"{n:064x}" for n in range(100_000)] * 2
    micros = np.repeat([1, 2], 100_000)
    columns = [pa.array(keys), pa.array(["ok"] * len(keys)), pa.array(micros).cast(SCHEMA.field(2).type)]
    whole = pa.table(columns, schema=SCHEMA)
    chunks = pa.concat_tables([whole.slice(start, 200) for start in range(0, len(keys), 200)])
    assert chunks["key"].num_chunks == 1000
    assert cpu_seconds(chunks) < 10 * cpu_seconds(whole) + 1

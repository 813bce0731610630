"""Any interleaving of appending, compacting and reading gives the newest ok row of each key."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import fsspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.store import ResultStore

STATUSES = ("ok", "degenerate", "error", "timeout", "lost", "skipped")
a_row = st.tuples(st.integers(0, 2), st.sampled_from(STATUSES), st.integers(0, 2))
steps = st.lists(st.one_of(st.lists(a_row, max_size=6), st.just("compact"), st.just("reopen")), max_size=12)


def rank(row):
    _, status, time = row
    return (status == "ok", time, status != "lost")


def check(store, rows):
    """Compare the store with the rows appended so far."""
    best = {}
    for row in rows:
        best[row[0]] = max(best.get(row[0], row), row, key=rank)
    found = store.read(["key", "status", "finished_at", "attempts"]).to_pylist()
    assert sorted(row["key"] for row in found) == sorted(f"k{key}" for key in best)
    for row in found:
        # The whole row is one that was appended, and none that was appended beats it.
        number, status, time = rows[row["attempts"]]
        assert (row["key"], row["status"], row["finished_at"].microsecond) == (f"k{number}", status, time)
        assert rank(rows[row["attempts"]]) == rank(best[number])
    ok = store.done_keys(include_failed=False).to_pylist()
    assert sorted(ok) == sorted(f"k{key}" for key, row in best.items() if row[1] == "ok")
    done = store.done_keys(include_failed=True).to_pylist()
    assert sorted(done) == sorted(f"k{key}" for key, row in best.items() if row[1] != "lost")


@settings(max_examples=60, deadline=None)
@given(steps)
def test_newest_ok_row_wins_in_any_interleaving(actions):
    url = f"memory://{uuid.uuid4().hex}"
    store, rows = ResultStore(url), []
    fixed = {"study": "s", "space": "a", "dataset": "b"}
    start = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        for action in actions:
            if action == "compact":
                store.compact()
            elif action == "reopen":
                store = ResultStore(url)
            else:
                store.append(
                    [
                        {
                            "key": f"k{key}", "status": status, "attempts": len(rows) + index,
                            "finished_at": start + timedelta(microseconds=time), **fixed,
                        }
                        for index, (key, status, time) in enumerate(action)
                    ]
                )  # fmt: skip
                rows += action
            check(store, rows)
        store.compact()
        check(store, rows)
    finally:
        fsspec.filesystem("memory").store.clear()

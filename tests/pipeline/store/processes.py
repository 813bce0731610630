"""Script: one of the processes that use a store at the same time.

``append FOLDER JOURNAL STOP NAME``: appends rows until the file STOP exists, and writes each
acknowledged key to JOURNAL.
``read FOLDER JOURNAL STOP``: reads until the file STOP exists; fails if an acknowledged key is
missing or a key is double; prints the number of reads.
``compact FOLDER``: prints a line when it starts, then compacts until it is killed.
``compact_once FOLDER``: compacts and ends.
``write FOLDER``: writes a large document until it is killed.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pipeline.store import ResultStore


def append(folder: str, journal: str, stop: str, name: str) -> None:
    store = ResultStore(folder)
    number = 0
    with Path(journal).open("a", buffering=1) as file:
        while not Path(stop).exists():
            keys = [f"{name}-{number + n}" for n in range(10)]
            number += 10
            fixed = {"study": name, "space": "a", "dataset": "b", "finished_at": datetime.now(UTC)}
            # Each key is also lost once, so that the rule for duplicates is at work.
            store.append([{**fixed, "key": key, "status": "lost"} for key in keys[:3]])
            store.append([{**fixed, "key": key, "status": "ok"} for key in keys])
            file.write("".join(f"{key}\n" for key in keys))
            time.sleep(0.03)


def read(folder: str, journal: str, stop: str) -> None:
    store = ResultStore(folder)
    count = 0
    while not Path(stop).exists():
        acknowledged = set(Path(journal).read_text().rpartition("\n")[0].split())
        table = store.read(["key", "status"])
        keys = table["key"].to_pylist()
        assert len(keys) == len(set(keys)), "double keys"
        ok = {key for key, status in zip(keys, table["status"].to_pylist(), strict=True) if status == "ok"}
        assert acknowledged <= ok, f"lost: {sorted(acknowledged - ok)[:5]} of {len(acknowledged)}"
        count += 1
        time.sleep(0.03)
    print(count)


def compact(folder: str) -> None:
    store = ResultStore(folder)
    print("ready", flush=True)
    while True:
        store.compact()


def compact_once(folder: str) -> None:
    ResultStore(folder).compact()


def write(folder: str) -> None:
    store = ResultStore(folder)
    data = bytes(20_000_000)
    while True:
        store.write_bytes("document", data)


globals()[sys.argv[1]](*sys.argv[2:])

"""Script: a store on a disk that is full, then read-only, then fine again; prints one JSON line.

``full_disk.py FOLDER tmpfs`` expects a small tmpfs of its own at FOLDER; with ``limit``, the
process's own limit on file sizes stands in for the end of the disk.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from pipeline.store import ResultStore, StoreError


def rows(first: int) -> list[dict[str, object]]:
    noise = [os.urandom(2000).hex() for _ in range(50)]  # 50 kB or more however it is compressed
    fixed = {"study": "s", "space": "a", "dataset": "b", "status": "ok", "finished_at": datetime.now(UTC)}
    return [{**fixed, "key": f"k{first + n}", "traceback": noise[n]} for n in range(50)]


def fill(folder: Path) -> None:
    """Use up the disk, down to a few kilobytes."""
    try:
        with (folder / "ballast").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError:
        os.truncate(folder / "ballast", (folder / "ballast").stat().st_size - 16_384)


def attempt(action: object) -> str:
    try:
        action()  # type: ignore[operator]
    except StoreError as error:
        return str(error)
    return "no error"


def main(folder: Path, mode: str) -> None:
    store = ResultStore(folder / "out")
    first = rows(0)
    store.append(first[:25])
    store.append(first[25:])
    pending = rows(50)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    result: dict[str, object] = {}

    if mode == "tmpfs":
        fill(folder)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))
    result["full"] = attempt(lambda: store.append(pending))
    result["full_document"] = attempt(lambda: store.write_text("report.html", "x" * 100_000))
    result["files_when_full"] = sorted(path.name for path in (folder / "out").rglob("*") if path.is_file())
    result["rows_when_full"] = store.read().num_rows
    if mode == "tmpfs":
        (folder / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        result["read_only"] = attempt(lambda: store.append(pending))
        result["read_only_compact"] = attempt(store.compact)
        result["rows_when_read_only"] = store.read().num_rows
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.append(pending)
    result["rows"] = store.read().num_rows
    store.compact()
    result["rows_compacted"] = store.read().num_rows
    print(json.dumps(result))


main(Path(sys.argv[1]), sys.argv[2])

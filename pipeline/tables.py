"""The measured tables of a study: embedded ones by name, the user's own by file."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from tasks.benchmarks.catalog import describe, load_benchmark
from tasks.benchmarks.table import BenchmarkTable
from tasks.benchmarks.user_table import read_user_table
from tasks.errors import InputError, did_you_mean


def load_file(path: str | Path) -> BenchmarkTable:
    """Read a user's own table; a file is read once per process while it does not change.

    Raises:
        InputError: The file is missing or wrong; names column and row.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: no such benchmark file")
    state = file.stat()
    return _load_file(str(file.resolve()), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=16)
def _load_file(path: str, _modified: int, _size: int) -> BenchmarkTable:
    return read_user_table(Path(path))


def load_tables(names: Sequence[str], files: Sequence[str] = ()) -> dict[str, BenchmarkTable]:
    """Load the tables of these tasks.

    Args:
        names: Tasks, ``space/dataset``.
        files: The user's own tables; a table hides an embedded one of the same name.

    Raises:
        InputError: Unknown task, or a file that is wrong.
    """
    own: dict[str, BenchmarkTable] = {}
    for file in files:
        table = load_file(file)
        if table.name in own:
            raise InputError(f"benchmarks: two files hold a table of {table.name}, one of them {file}")
        own[table.name] = table
    known = [*own, *(info["name"] for info in describe())]
    for name in names:
        if name not in known:
            raise InputError(f"tasks: unknown task {name!r}; {did_you_mean(name, known)}")
    return {name: own[name] if name in own else load_benchmark(name) for name in names}

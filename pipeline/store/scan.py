"""Reading all part files while others append and compact."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.store.errors import StoreError, StoreWarning
from pipeline.store.files import Files
from pipeline.store.names import is_hidden, is_merged, is_part
from pipeline.store.parts import DamagedPartError, decode, open_part

_MAX_ROUNDS = 200
_NAMED = 20  # damaged files named in a warning; damaged() has them all


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found.

    Attributes:
        tables: Name and rows of each part file, ordered by name.
        damaged: Name and reason of each file that was skipped, ordered by name.
    """

    tables: list[tuple[str, pa.Table]]
    damaged: list[tuple[str, str]]


def scan(files: Files, folder: str, schema: pa.Schema, columns: Sequence[str]) -> Scan:
    """Read some columns of every part file of the data set below ``folder``.

    A listing is not a snapshot. While it is taken, a compaction can add its merged file where
    the listing has passed already, and delete the merged inputs where it has not: the listing
    then shows neither, with no error anywhere. So list again until no file vanished and no
    merged file is new. What was read stays read: files never change, and a row that comes
    from an input as well as from the merged file is dropped as a duplicate later.

    Raises:
        StoreError: The store cannot be read, or does not come to rest.
        InputError: A file was written by a newer naspred.
    """
    tables: dict[str, pa.Table] = {}
    damaged: dict[str, str] = {}
    missing: set[str] = set()
    for round_ in range(_MAX_ROUNDS):
        listed = [name for name in files.list(folder) if not is_hidden(name)]
        # A file that fails because it is deleted meanwhile (a stale handle on a network file
        # system) is not damaged but gone, like one that cannot be opened any more.
        gone = damaged.keys() - set(listed)
        damaged = {name: why for name, why in damaged.items() if name not in gone}
        vanished = bool(gone)
        fresh = [name for name in listed if name not in tables and name not in damaged]
        for name, got in read_parts(files, fresh, schema, columns):
            if isinstance(got, pa.Table):
                tables[name] = got
            elif isinstance(got, FileNotFoundError) and name not in missing:
                missing.add(name)
                vanished = True
            else:  # a name that stays listed and cannot be opened is a dangling link
                damaged[name] = reason(got)
        if round_ and not vanished and not any(is_merged(name) for name in fresh):
            return Scan(sorted(tables.items()), sorted(damaged.items()))
    raise StoreError(
        "read", f"{files.root}/{folder}", "its files change faster than they can be read",
        "Wait until compactions have ended and try again",
    )  # fmt: skip


def read_parts(
    files: Files, names: Sequence[str], schema: pa.Schema, columns: Sequence[str]
) -> Iterator[tuple[str, pa.Table | OSError | DamagedPartError]]:
    """Yield some columns of each file, or the reason why they cannot be read."""
    for name in names:
        if not is_part(name):
            yield name, DamagedPartError("not a part file of the store")
    for name, source in files.open_many([name for name in names if is_part(name)]):
        if isinstance(source, OSError):
            yield name, source
            continue
        try:
            table = decode(open_part(f"{files.root}/{name}", source, schema), schema, columns)
        except DamagedPartError as error:
            yield name, error
        else:
            yield name, table


def reason(error: OSError | DamagedPartError) -> str:
    """Return why a file cannot be read, without its name."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error)


def warn_damaged(files: Files, damaged: Sequence[tuple[str, str]]) -> None:
    """Warn of skipped files, by name and reason."""
    if damaged:
        lines = [f"  {files.root}/{name}: {why}" for name, why in damaged[:_NAMED]]
        if len(damaged) > _NAMED:
            lines.append(f"  and {len(damaged) - _NAMED} more")
        lines.append("To have tasks run again whose results were in them, delete them.")
        text = f"{len(damaged)} damaged or foreign files skipped:\n" + "\n".join(lines)
        warnings.warn(text, StoreWarning, stacklevel=3)

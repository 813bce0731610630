"""Where the bytes live: one interface over local folders and object stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from tasks.errors import InputError

OBJECT_STORES = ("s3", "gs", "gcs", "memory")
"""URL schemes on which one PUT makes a whole object visible at once."""


class Files(Protocol):
    """A tree of immutable files. Names are relative to the root and use ``/``."""

    @property
    def root(self) -> str:
        """Absolute path or URL, without a trailing slash."""
        ...

    def list(self, folder: str) -> list[str]:
        """Return the names of all files below ``folder``, sorted; empty if it does not exist.

        Raises:
            StoreError: The folder cannot be listed.
        """
        ...

    def open_many(self, names: Sequence[str]) -> Iterator[tuple[str, pa.NativeFile | OSError]]:
        """Yield each file opened for reading, or the reason why this one file cannot be.

        ``FileNotFoundError`` says that it vanished since it was listed.

        Raises:
            StoreError: The cause lies with the store, not with one file.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file: readers see all of it or nothing. Durable on return.

        Raises:
            StoreError: Nothing was written.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is fine.

        Raises:
            StoreError: The file is still there.
        """
        ...

    def remove_stale(self) -> int:
        """Remove unfinished files of writers that are gone; return how many."""
        ...


def open_files(out: str | Path) -> Files:
    """Return the files below ``out``, a local folder or a URL; creates nothing.

    Raises:
        InputError: ``out`` can never hold a store: it is (below) a regular file, the scheme is
            unknown, or the package for it is not installed.
    """
    from pipeline.store.local import LocalFiles
    from pipeline.store.objects import ObjectFiles

    text = str(out)
    scheme, found, rest = text.partition("://")
    if not text.strip():
        raise InputError("out: '' is empty; give a folder or a URL such as s3://bucket/prefix")
    if not found and text.partition(":")[0] in OBJECT_STORES:  # "s3:/bucket": never a folder "s3:"
        raise InputError(f"out: {text!r} is not a URL; give {text.partition(':')[0]}://bucket/prefix")
    if isinstance(out, Path) or not found:
        return LocalFiles(Path(out))
    if scheme == "file":
        return LocalFiles(Path(rest))
    if scheme not in OBJECT_STORES:
        raise InputError(
            f"out: {text!r}: scheme {scheme!r} is not supported; "
            "allowed: a local folder, s3://bucket/prefix or gs://bucket/prefix"
        )
    return ObjectFiles(scheme, rest)

"""Files of the store in a local (or mounted) folder."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.store.errors import StoreError
from pipeline.store.names import host, temporary_name, temporary_writer
from tasks.errors import InputError

_ONE_FILE = (
    None, errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ESTALE,
)  # fmt: skip
"""Causes that concern one file, which is then skipped. Others (too many open files, for
example) concern the whole store: skipping would make finished work look undone."""

_CANNOT_SYNC_FOLDERS = (errno.EINVAL, errno.ENOTSUP)  # SMB and FUSE mounts: no more can be done

_ADVICE = {
    errno.ENOSPC: "Free some space, or choose another output folder, and run again",
    errno.EDQUOT: "Your disk quota is used up: free some space, or choose another folder",
    errno.EACCES: "Choose a folder that you may write to",
    errno.EPERM: "Choose a folder that you may write to",
    errno.EROFS: "The file system is mounted read-only: choose another output folder",
    errno.ENOTDIR: "A part of this path is a file: choose another output folder",
    errno.EFBIG: "Raise the limit on file sizes (ulimit -f) and run again",
}


class LocalFiles:
    """Implements ``Files`` with temporaries, ``fsync`` and ``os.replace``."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root.expanduser()))  # noqa: PTH100  keeps symlinks
        for path in (self._root, *self._root.parents):
            if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises below a locked folder
                break
            if os.path.lexists(path):
                raise InputError(f"out: {str(self._root)!r}: {path} is not a folder; give a folder")

    @property
    def root(self) -> str:
        """Absolute path of the root."""
        return str(self._root)

    def list(self, folder: str) -> list[str]:
        """Return the names of all files below ``folder``, sorted."""

        def fail(error: OSError) -> None:
            # A folder that vanishes, or was never there, holds no files.
            if not isinstance(error, FileNotFoundError):
                raise _store_error("list", Path(error.filename or folder), error) from error

        names = []
        for where, _, found in os.walk(self._root / folder, onerror=fail):
            prefix = os.path.relpath(where, self._root).replace(os.sep, "/")
            names += [f"{prefix}/{name}" for name in found]
        return sorted(names)

    def open_many(self, names: Sequence[str]) -> Iterator[tuple[str, pa.NativeFile | OSError]]:
        """Yield each file opened, or the reason why it cannot be."""
        for name in names:
            path = self._root / name
            try:
                # Not memory-mapped: a file that another machine deletes below a mapping on a
                # network file system ends the process with SIGBUS.
                source = pa.OSFile(str(path), "rb")
            except OSError as error:
                if error.errno not in _ONE_FILE:
                    raise _store_error("read", path, error) from error
                yield name, error
                continue
            with source:
                yield name, source

    def write(self, name: str, data: bytes) -> None:
        """Write a temporary beside the target, make it durable, move it into place."""
        target = self._root / name
        temporary = target.with_name(temporary_name(target.name))
        try:
            _make_folder(target.parent)
            try:
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            finally:
                # Gone if all went well; an error of the clean-up must not hide the cause.
                with contextlib.suppress(OSError):
                    temporary.unlink()
            _sync_folder(target.parent)
        except OSError as error:
            raise _store_error("write", target, error) from error

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is fine."""
        path = self._root / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _store_error("delete", path, error) from error

    def remove_stale(self) -> int:
        """Remove temporaries of this machine's processes that are gone.

        Process ids of other machines say nothing here, so theirs stay. An id that now belongs to
        another process keeps the file: a left-over does no harm, a wrong deletion would.
        """
        removed = 0
        # As deep as the store writes and no deeper: the root may be someone's home folder.
        for depth in ("", "*/", "*/*/"):
            for path in self._root.glob(f"{depth}.*.tmp-*"):
                writer = temporary_writer(path.name)
                if writer is None or writer[1] != host() or _alive(writer[0]):
                    continue
                try:
                    path.unlink()
                except FileNotFoundError:
                    continue  # another compaction was faster
                except OSError as error:
                    raise _store_error("delete", path, error) from error
                removed += 1
        return removed


def _alive(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def _store_error(action: str, path: Path, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0, "Check the disk or the network and run again")
    return StoreError(action, str(path), reason, advice)


def _make_folder(folder: Path) -> None:
    """Create the folder; its entry in the parent survives a power cut."""
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDERS:
            raise
    finally:
        os.close(handle)

"""Checkpoints of supernets in the output store: found by restarted actors and by later studies."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path

from pipeline.store.files import open_files
from pipeline.store.names import CHECKPOINTS, safe
from predictors.weight_sharing.checkpoints import CheckpointWarning


class CheckpointStore:
    """Implements ``Checkpoints`` with files beside the results: ``checkpoints/SPACE-DATASET/DIGEST.pt``.

    A file is replaced as a whole, so that a process which dies leaves the checkpoint before. Two that train
    the same supernet at the same time write the same content, each at its own pace.

    Args:
        out: Folder or URL of the result store. In a local folder that does not exist on this machine (a
            worker on another node without a shared file system) nothing is kept.
    """

    def __init__(self, out: str) -> None:
        self._files = open_files(out)
        self._local = "://" not in self._files.root

    def find(self, name: str) -> bytes | None:
        """Return a whole checkpoint; None, with a warning unless it is not there, if it cannot be read.

        Raises:
            StoreError: The cause lies with the store, not with one file.
        """
        for _, found in self._files.open_many([_path(name)]):
            if not isinstance(found, OSError):
                return bytes(found.read())
            if not isinstance(found, FileNotFoundError):
                warnings.warn(f"checkpoint {name}: {found}", CheckpointWarning, stacklevel=2)
        return None

    def keep(self, name: str, data: bytes) -> None:
        """Keep a checkpoint, durably, in place of an earlier one of its name.

        Raises:
            StoreError: It could not be written.
        """
        if not self._local or Path(self._files.root).is_dir():
            self._files.write(_path(name), data)


def _path(name: str) -> str:
    return "/".join([CHECKPOINTS, *map(safe, f"{name}.pt".split("/"))])


@lru_cache(maxsize=8)
def open_checkpoints(out: str) -> CheckpointStore:
    """Return the store of this process."""
    return CheckpointStore(out)

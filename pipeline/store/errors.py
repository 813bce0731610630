"""What the result store raises and warns with."""

from __future__ import annotations

from tasks.errors import RunError


class StoreError(RunError):
    """The store could not be written or read: disk full, no permission, network down.

    Nothing half-written is visible to readers, and rows that were being appended are still with
    the caller, which may append them again once the cause is removed. The message names the path
    and the reason and says what to do.

    Not an ``OSError``, so that ``except OSError`` around unrelated work does not swallow it.

    Attributes:
        path: The file, folder or URL concerned.
        reason: The cause, in the words of the operating system or the object store.
    """

    def __init__(self, action: str, path: str, reason: str, advice: str) -> None:
        super().__init__(f"cannot {action} {path}: {reason}. {advice}")
        self.path = path
        self.reason = reason


class StoreWarning(UserWarning):
    """Files in the store were skipped because they are damaged or foreign; names them."""

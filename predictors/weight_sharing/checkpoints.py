"""Checkpoints of supernets: where they are kept is a matter of the run, not of the predictor."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

_DIGEST = hashlib.sha256().digest_size


class Checkpoints(Protocol):
    """Keeps checkpoints by name; one that was kept later replaces an earlier one of its name."""

    def find(self, name: str) -> bytes | None:
        """Return a whole checkpoint; None if there is none."""

    def keep(self, name: str, data: bytes) -> None:
        """Keep a checkpoint; whoever looks for it finds this one or the one before, never a part."""


class MemoryCheckpoints:
    """Keeps checkpoints for as long as it lives.

    Attributes:
        written: How often one was kept.
    """

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.written = 0

    def __len__(self) -> int:
        return len(self.data)

    def find(self, name: str) -> bytes | None:
        """Return a checkpoint; None if there is none."""
        return self.data.get(name)

    def keep(self, name: str, data: bytes) -> None:
        """Keep a checkpoint."""
        self.data[name] = data
        self.written += 1


class CheckpointWarning(UserWarning):
    """A checkpoint cannot be used; the supernet is trained from the start."""


_kept: ContextVar[Checkpoints | None] = ContextVar("checkpoints", default=None)


def current_checkpoints() -> Checkpoints | None:
    """Return where checkpoints are kept here; None if they are not."""
    return _kept.get()


@contextmanager
def using_checkpoints(checkpoints: Checkpoints | None) -> Iterator[None]:
    """Let supernets write checkpoints, and go on from those that are there, within the block."""
    token = _kept.set(checkpoints)
    try:
        yield
    finally:
        _kept.reset(token)


def encode(state: dict[str, Any]) -> bytes:
    """Return numbers and tensors as bytes that begin with their sha256."""
    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    return hashlib.sha256(content).digest() + content


def decode(data: bytes, name: str, device: str) -> dict[str, Any] | None:
    """Return what ``encode`` was given; None, with a warning, if the bytes are damaged.

    Nothing but numbers and tensors is read: a foreign file cannot run code.

    Args:
        data: What ``encode`` returned.
        name: For the warning.
        device: Where tensors are to be.
    """
    import torch

    content = data[_DIGEST:]
    if hashlib.sha256(content).digest() != data[:_DIGEST]:
        warnings.warn(f"checkpoint {name} is damaged", CheckpointWarning, stacklevel=2)
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    return state

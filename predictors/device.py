"""Where a predictor's tensors are made: on the CPU, or on a GPU if the task has one.

A device is no hyperparameter: it says where a task runs, not what it computes, and has no part in its
key. Sums are rounded in another order on a GPU, so results agree with those of a CPU up to rounding;
every result row says where it was computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

from tasks.errors import InputError, did_you_mean

Device = Literal["auto", "cpu", "cuda"]
"""What can be asked for; ``auto`` is ``cuda`` where there is a GPU."""

_device: ContextVar[str] = ContextVar("device", default="cpu")


def tensor_device() -> str:
    """Return where tensors of training are to be made, as torch names it."""
    return _device.get()


@contextmanager
def on_device(name: str) -> Iterator[None]:
    """Make tensors on a device within the block."""
    token = _device.set(name)
    try:
        yield
    finally:
        _device.reset(token)


def choose_device(wanted: str) -> str:
    """Return ``cpu`` or ``cuda`` for what was asked for.

    Raises:
        InputError: Another name, or a GPU was asked for and this process has none.
    """
    if wanted not in get_args(Device):
        raise InputError(f"device {wanted!r}: {did_you_mean(wanted, get_args(Device))}")
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise InputError(
        "device 'cuda': torch finds no GPU here; use cpu or auto, or a machine with a GPU, its driver and "
        "a build of torch for it"
    )

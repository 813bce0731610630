"""Minibatches of many models at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from predictors.device import tensor_device

if TYPE_CHECKING:
    import torch


def epoch_orders(
    generators: Sequence[np.random.Generator], n: int, epochs: int, *, device: str | None = None
) -> Iterator[torch.Tensor]:
    """Yield for each epoch the order in which each model sees its n rows.

    Args:
        generators: One per model; each draws for its own model only.
        n: Training rows of each model.
        epochs: Number of epochs.
        device: Where the indices are needed; default ``tensor_device``.

    Yields:
        Shape (M, n), row indices into M x n stacked training rows (model m's begin at m n).
    """
    import torch

    offsets = n * np.arange(len(generators))[:, None]
    for _ in range(epochs):
        order = np.stack([generator.permutation(n) for generator in generators])
        yield torch.from_numpy(order + offsets).to(device or tensor_device())


def batch_slices(n: int, batch: int) -> list[slice]:
    """Return consecutive slices of ``batch`` rows; the last one may be smaller, none is left out."""
    return [slice(start, min(start + batch, n)) for start in range(0, n, batch)]


def epochs_for(n: int, batch: int, *, epochs: int, min_steps: int) -> int:
    """Return ``epochs``, or more where so few rows would make fewer than ``min_steps`` steps."""
    return max(epochs, -(-min_steps // len(batch_slices(n, batch))))

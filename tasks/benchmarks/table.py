"""A measured table in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes, DatasetInfo, SearchSpace


@dataclass(frozen=True, slots=True)
class BenchmarkTable:
    """Measured architectures of one (space, dataset), column by column; all arrays have length N.

    Plain numpy arrays, so that it pickles once into Ray's object store and every worker reads it
    without a copy. Arrays may be read-only.

    Attributes:
        space: The search space the codes belong to.
        dataset: Data set facts.
        codes: Architectures, shape (N, code length).
        canonical_ids: Equal for architectures with the same canonical form, shape (N,), int64.
        val_acc: Final validation accuracy in percent, float64; mean over training runs.
        train_time_s: Seconds of one full training run, float64; zeros if the file does not say.
        params: Trainable parameters, int64 or None.
        flops: Multiply-adds, int64 or None.
        latency_s: Seconds of one inference, float64 or None.
        test_acc: Final test accuracy in percent, float64 or None.
        curves: Column name of the schema -> float32 of shape (N, epochs).
        epoch_time_s: Seconds per epoch of training, float64 or None.
        targets: Extra targets by name, float64; NaN where the file has none.
        epochs: Length of the full training; None if unknown.
        source: Where the numbers come from.
        licence: Licence of the source.
        fingerprint: Digest of the content; part of every task key.
        build: How a table made by training was made: recipe, runs, noise ceiling. Empty for others.
    """

    space: SearchSpace
    dataset: DatasetInfo
    codes: Codes
    canonical_ids: NDArray[np.int64]
    val_acc: NDArray[np.float64]
    train_time_s: NDArray[np.float64]
    fingerprint: str
    params: NDArray[np.int64] | None = None
    flops: NDArray[np.int64] | None = None
    latency_s: NDArray[np.float64] | None = None
    test_acc: NDArray[np.float64] | None = None
    curves: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    epoch_time_s: NDArray[np.float64] | None = None
    targets: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    epochs: int | None = None
    source: str = ""
    licence: str = ""
    build: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def name(self) -> str:
        """``space/dataset``."""
        return f"{self.space.name}/{self.dataset.name}"

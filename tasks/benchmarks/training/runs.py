"""What a training returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curves = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRuns:
    """Measurements of several runs of one architecture.

    Losses are cross-entropies in nats (without label smoothing in validation), accuracies are in
    percent. Everything of a run is NaN from the epoch on in which it diverged.

    Attributes:
        train_loss: Mean over the mini-batches of the epoch, shape (runs, epochs).
        train_acc: As above.
        val_loss: On the validation images after each epoch, shape (runs, epochs).
        val_acc: As above.
        test_acc: On the test images after the last epoch, shape (runs,).
        status: "ok" or "diverged" for each run.
        seconds_per_epoch: Wall seconds of one run's epoch, validation included: the time of the
            stacked program divided by the number of runs in it. A run that is trained alone takes
            longer; see ``benchmarks/training.py``.
        cpu_s: CPU seconds of this process for all runs together, test included.
        params: Trainable parameters of one network as trained.
        flops: Multiply-adds of one image through one network as trained.
    """

    train_loss: Curves
    train_acc: Curves
    val_loss: Curves
    val_acc: Curves
    test_acc: Curves
    status: tuple[str, ...]
    seconds_per_epoch: float
    cpu_s: float
    params: int
    flops: int

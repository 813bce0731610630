"""Learning curves as predictors read them, and whether a table has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from predictors.observations import Observations
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.spaces.base import as_arch

ACCURACY = "val_acc_curve"
LOSS = "val_loss"
SCALE_TOLERANCE = 5.0
"""Points between the end of a curve and the target, in the median, that still make one scale."""


def curve(query: Observations, name: str) -> NDArray[np.float64]:
    """Return a curve as float64 of shape (n, epochs), epoch 1 first.

    Args:
        query: Architectures with curves.
        name: Column of the benchmark table, such as ``train_loss``.

    Raises:
        InputError: There is no such curve, it has no epoch, or a value is not finite; names the
            architecture and the epoch. A diverged training has no rank, and a number made up for
            it would hide that; benchmark files with such values are refused when they are read.
    """
    if name not in query.curves:
        there = ", ".join(sorted(query.curves)) or "no curves"
        raise InputError(f"curves: {name} is missing, the observations have {there}")
    values = np.ascontiguousarray(query.curves[name], dtype=np.float64)
    if values.ndim != 2 or len(values) != len(query) or values.shape[1] == 0:
        raise InputError(
            f"curves: {name} has shape {values.shape}, must be ({len(query)}, epochs) with at least 1 epoch"
        )
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, epoch = (int(index) for index in wrong[0])
        arch = query.space.format(as_arch(query.codes[row]))
        raise InputError(
            f"curves: {name} of architecture {row} ({arch}) is {values[row, epoch]} at epoch {epoch + 1}; "
            "curves must be finite, leave out architectures whose training diverged"
        )
    return values


def accuracy_curve(query: Observations) -> NDArray[np.float64]:
    """Return the validation accuracy in percent, shape (n, epochs).

    Language models have none: there the target is 100 - validation loss, as in NAS-Bench-NLP, and
    this returns 100 - loss for observations with a loss and without an accuracy.

    Raises:
        InputError: As ``curve``.
    """
    if ACCURACY not in query.curves and LOSS in query.curves:
        return 100.0 - curve(query, LOSS)
    return curve(query, ACCURACY)


def lacking(names: Sequence[str], table: BenchmarkTable) -> str:
    """Tell what a table lacks for a predictor that reads these curves; empty if nothing."""
    if not table.curves:
        return f"needs learning curves, and {table.name} has none"
    for name in names:
        if name in table.curves:
            continue
        there = f"{table.name} has {', '.join(sorted(table.curves))}"
        if name != ACCURACY or LOSS not in table.curves:
            return f"needs the curve {name}, and {there}"
        gap = float(np.median(np.abs(100.0 - table.curves[LOSS][:, -1] - table.val_acc)))
        if not gap <= SCALE_TOLERANCE:
            return (
                f"needs the curve {name}, and {there}; 100 - {LOSS} cannot stand in, it ends "
                f"{gap:.1f} points from val_acc"
            )
    return ""

"""How good a set of scores is: the columns of a row that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.rows import Row
from predictors.base import PredictorInfo
from tasks.metrics import all_metrics

_OVER_DEFINED = ("pearson", "mae", "rmse")
"""Metrics of values, not of ranks: a place below all others says nothing about them."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be written of a set of scores.

    Attributes:
        columns: Columns of the row.
        error_type: Why the scores give no ranking; empty if they do.
        message: The same in words; also what is to be said of scores that are fine otherwise.
    """

    columns: Row = field(default_factory=dict)
    error_type: str = ""
    message: str = ""


def judge(
    measured: NDArray[np.float64], scores: NDArray[np.float64], info: PredictorInfo, reasons: Sequence[str]
) -> Judgement:
    """Compare scores with measured accuracies.

    A predictor with the tag ``undefined`` may give NaN. Such architectures stay in the comparison, so
    that all predictors are compared on the same ones, and rank below every other, tied: a search
    never chooses what it cannot score. Metrics of values are over the others. If more than half have
    no score there is no ranking.

    Args:
        measured: Accuracies in percent, shape (m,).
        scores: Predictions, shape (m,).
        info: The predictor.
        reasons: Why a score is undefined, per architecture; may be empty.
    """
    missing = np.isnan(scores) if info.undefined else np.zeros(scores.shape, dtype=np.bool_)
    n = int(np.count_nonzero(missing))
    columns: Row = {"n_undefined": n} if info.undefined else {}
    note = ""
    if n:
        note = f"{n} of {scores.size} architectures have no score{_commonest(reasons)}"
        if 2 * n > scores.size:
            return Judgement(columns, "UndefinedScores", note)
    useless = _useless(measured, scores[~missing], scores.size)
    if useless:
        return Judgement(columns, "DegenerateScores", useless)
    ranked = scores.copy()
    if n:
        ranked[missing] = np.nextafter(scores[~missing].min(), -np.inf)
    columns.update(all_metrics(measured, ranked, percent=info.percent))
    if n:
        defined = all_metrics(measured[~missing], scores[~missing], percent=info.percent)
        columns.update({name: defined[name] for name in _OVER_DEFINED})
    return Judgement(columns, "", note)


def _commonest(reasons: Sequence[str]) -> str:
    counted = Counter(reason for reason in reasons if reason)
    return f", most often because {counted.most_common(1)[0][0]}" if counted else ""


def _useless(measured: NDArray[np.float64], defined: NDArray[np.float64], size: int) -> str | None:
    bad = int(np.count_nonzero(~np.isfinite(defined)))
    if bad:
        return f"{bad} of {size} predictions are not finite"
    if np.ptp(defined) == 0:
        return f"all {defined.size} predictions are equal"
    if np.ptp(measured) == 0:
        return f"all {measured.size} measured accuracies of the test set are equal"
    return None

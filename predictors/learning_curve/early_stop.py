"""The last value of a partial training as the score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from predictors.curves import LOSS, accuracy_curve, curve
from predictors.learning_curve.base import CurvePredictor
from predictors.observations import Observations


class ValidationAccuracy(CurvePredictor):
    """Early stopping: validation accuracy after the last epoch seen, in percent.

    Args:
        seed: Without effect.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        return accuracy_curve(query)[:, -1]


class ValidationLoss(CurvePredictor):
    """Early stopping: minus the validation loss after the last epoch seen.

    Args:
        seed: Without effect.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        return -curve(query, LOSS)[:, -1]

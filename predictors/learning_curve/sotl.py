"""Training losses as a measure of training speed.

Ru et al., "Speedy Performance Estimation for Neural Architecture Search", NeurIPS 2021: models that
train faster generalise better, and the sum of training losses measures it.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from predictors.curves import curve
from predictors.learning_curve.base import CurvePredictor
from predictors.observations import Observations
from predictors.parameters import Range

_LOSS = "train_loss"


class SumOfTrainingLosses(CurvePredictor):
    """SoTL: minus the sum of the training losses of all epochs seen.

    Args:
        seed: Without effect.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        return _minus_sum(curve(query, _LOSS))


class LastTrainingLosses(CurvePredictor):
    """SoTL-E: minus the sum of the training losses of the last epochs seen.

    Early epochs say little of the end. With fewer epochs than ``last``, all of them are summed.

    Args:
        last: Number of epochs summed; the study uses 1.
        seed: Without effect.
    """

    def __init__(self, *, last: Annotated[int, Range(1)] = 1, seed: int = 0) -> None:
        self.last = last
        self.seed = seed

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        return _minus_sum(curve(query, _LOSS)[:, -self.last :])


class MovingTrainingLosses(CurvePredictor):
    """SoTL-EMA: minus the sum of an exponential moving average of the training losses.

    The average is e_1 = l_1, e_t = (1 - mu) e_(t-1) + mu l_t.

    Args:
        mu: Weight of the newest loss in the average.
        seed: Without effect.
    """

    def __init__(self, *, mu: Annotated[float, Range(0.0, 1.0)] = 0.99, seed: int = 0) -> None:
        self.mu = mu
        self.seed = seed

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        losses = curve(query, _LOSS)
        return _minus_sum(losses * _weights(losses.shape[1], self.mu))


def _minus_sum(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = losses.sum(axis=1)
    return -total


def _weights(epochs: int, mu: float) -> NDArray[np.float64]:
    """Return how often each loss counts in the sum of averages.

    A loss enters the average at its own epoch with mu (the first one with 1) and is worth 1 - mu
    times as much at each later one; the sum over k epochs is (1 - (1 - mu)^k) / mu.
    """
    later = np.arange(epochs, 0, -1)
    if mu == 0.0:
        return np.where(later == epochs, float(epochs), 0.0)
    weights: NDArray[np.float64] = 1.0 - (1.0 - mu) ** later.astype(np.float64)
    weights[0] /= mu
    return weights

"""What the predictors that extrapolate learning curves share."""

from __future__ import annotations

import logging
from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from predictors.curves import accuracy_curve
from predictors.learning_curve.base import CurvePredictor
from predictors.learning_curve.families import Floats
from predictors.learning_curve.observed import Curves, observe
from predictors.observations import Observations
from tasks.errors import InputError

_AT_ONCE = 32
"""Curves per pass, so that the arrays of a pass fit the processor's cache."""

_UNKNOWN_STD = 100.0 / np.sqrt(12.0)
"""Of an accuracy of which nothing is known: uniform between 0 and 100."""

_log = logging.getLogger(__name__)


class ExtrapolatedCurve(CurvePredictor):
    """Predicts the accuracy at the end of the training from its first epochs.

    A curve that cannot be fitted (values outside 0 to 100, or a sampler that does not get there) is
    predicted to stay at its last value, with the standard deviation of a uniform accuracy; such
    curves are counted and logged, and the result says so. Curves that are equal are fitted once.

    A curve that falls can be fitted: every curve of the families rises, as in the publications, so its
    fall counts as noise, whose size is part of what is estimated. 90, 50, 20 and 1 % of 20 epochs give
    a mean of 62 with a standard deviation of 47, which is to know next to nothing.

    Attributes:
        n_fallback_: Architectures of the last query that were not fitted.
        notice_: The same in words; empty if all were fitted.
    """

    noise: float

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        return self._moments(query)[0]

    def _predict_distribution(self, query: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self._moments(query)

    @abstractmethod
    def _posterior(self, curves: Curves) -> tuple[Floats, Floats]:
        """Return mean and variance (A,) of the value at the end, as shares; NaN if not fitted."""

    def _moments(self, query: Observations) -> tuple[Floats, Floats]:
        seen = accuracy_curve(query)
        epochs = query.total_epochs
        if epochs is None:
            raise InputError(
                f"{type(self).__name__}: total_epochs of the observations is None; to extrapolate, the "
                "length of the full training must be known"
            )
        if epochs < seen.shape[1]:
            raise InputError(
                f"{type(self).__name__}: total_epochs is {epochs}, the curves have {seen.shape[1]}"
            )
        mean, std = seen[:, -1].copy(), np.full(len(seen), _UNKNOWN_STD)
        self.n_fallback_, self.notice_ = 0, ""
        if epochs == 1:  # the training is over
            return mean, np.full(len(seen), self.noise)
        distinct, inverse = np.unique(seen, axis=0, return_inverse=True)
        parts = [
            self._fitted(distinct[start : start + _AT_ONCE], epochs)
            for start in range(0, len(distinct), _AT_ONCE)
        ]
        if not parts:
            return mean, std
        fitted_mean, fitted_std = (
            np.concatenate(part)[inverse.reshape(-1)] for part in zip(*parts, strict=True)
        )
        known = np.isfinite(fitted_mean) & np.isfinite(fitted_std)
        self.n_fallback_ = int(np.count_nonzero(~known))
        if self.n_fallback_:
            count = f"{self.n_fallback_} of {len(seen)} curves"
            self.notice_ = f"{count} cannot be fitted; their last value is the prediction"
            _log.warning("%s: %s", type(self).__name__, self.notice_)
        return np.where(known, fitted_mean, mean), np.where(known, fitted_std, std)

    def _fitted(self, seen: Floats, epochs: int) -> tuple[Floats, Floats]:
        """Return mean and standard deviation in percent; NaN for curves that cannot be fitted."""
        mean, std = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
        usable = np.flatnonzero(((seen >= 0.0) & (seen <= 100.0)).all(axis=1))
        if usable.size:
            # Far proposals overflow; they have no likelihood and are rejected.
            with np.errstate(all="ignore"):
                share, variance = self._posterior(observe(seen[usable], epochs, self.noise))
                mean[usable], std[usable] = 100.0 * share, 100.0 * np.sqrt(variance)
        return mean, std

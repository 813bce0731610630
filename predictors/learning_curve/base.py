"""What the learning-curve predictors share."""

from __future__ import annotations

from predictors.base import Predictor
from predictors.observations import Observations


class CurvePredictor(Predictor):
    """Scores an architecture by the first epochs of its own training."""

    @property
    def is_fitted(self) -> bool:
        """Always true: labelled architectures are not looked at."""
        return True

    def _fit(self, train: Observations) -> None:
        del train

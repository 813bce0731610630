"""Support vector regression on partial learning curves.

Baker, Gupta, Raskar and Naik, "Accelerating Neural Architecture Search using Performance Prediction",
2017 (arXiv 1705.10823). Differences from NASLib: features are standardised, each with the mean and
deviation of the training architectures, so that one kernel width suits all; targets are standardised;
folds are shuffled and scored on the part that is held out; curves of one or two epochs and few
training architectures work. The last value of the curve is a feature beside the six moments, a linear
kernel is among the settings, and 100 of them are tried instead of 1,000; ``curve="moments",
configs=1000`` is nearer to the published form.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.hybrid.features import ArchitectureFeatures, CurveFeatures, features
from predictors.hybrid.support_vectors import Machine, choose, fit
from predictors.model_based.encoded import Standardiser
from predictors.observations import Observations
from predictors.parameters import Range
from tasks.errors import InputError
from tasks.seeds import generator

Floats = NDArray[np.float64]


class LearningCurveRegression(Predictor):
    """LcSVR: nu-SVR from the first epochs of a validation curve to the final accuracy.

    The training architectures are trained to the end, so their curves cost nothing more. With fewer
    than 16 of them, the hyperparameters are not chosen but the default, a linear kernel; training
    targets that are all equal, one included, are what is predicted.

    Args:
        configs: Hyperparameter settings tried on 3 held-out folds.
        curve: Features of the curve, see ``predictors.hybrid.features``.
        architecture: Features of the architecture beside them.
        seed: Seed of search and folds.

    Attributes:
        epochs_: Length of the curves.
        scale_: Mean and standard deviation of the training targets.
        centre_: Mean of each feature over the training architectures.
        spread_: Standard deviation of each; 0 for one that tells nothing.
        model_: The fitted machine; None after equal training targets.
    """

    def __init__(
        self,
        *,
        configs: Annotated[int, Range(1, 5000)] = 100,
        curve: CurveFeatures = "last",
        architecture: ArchitectureFeatures = "none",
        seed: int = 0,
    ) -> None:
        self.configs = configs
        self.curve: CurveFeatures = curve
        self.architecture: ArchitectureFeatures = architecture
        self.seed = seed

    def _fit(self, train: Observations) -> None:
        assert train.targets is not None
        x = features(train, self.curve, self.architecture)
        self.epochs_ = next(iter(train.curves.values())).shape[1]
        self.scale_ = Standardiser.of(train.targets)
        self.centre_ = x.mean(axis=0)
        spread = x.std(axis=0)
        # Rounding gives equal values a deviation.
        self.spread_: Floats = np.where(np.ptp(x, axis=0) > 0.0, spread, 0.0)
        self.model_: Machine | None = None
        if self.scale_.std > 0.0:
            x, y = self._standardised(x), (train.targets - self.scale_.mean) / self.scale_.std
            settings = choose(x, y, self.configs, generator("lcsvr", self.seed))
            self.model_ = fit(x, y, settings)

    def _predict(self, query: Observations) -> Floats:
        x = self._standardised(features(query, self.curve, self.architecture))
        epochs = next(iter(query.curves.values())).shape[1]
        if epochs != self.epochs_:
            raise InputError(
                f"LearningCurveRegression: fitted on curves of {self.epochs_} epochs, the query has {epochs}"
            )
        if self.model_ is None:
            return np.full(len(query), self.scale_.mean)
        return self.scale_.mean + self.scale_.std * self.model_.predict(x)

    def _standardised(self, x: Floats) -> Floats:
        if x.shape[1] != len(self.centre_):
            return x  # refused by the caller, which knows the lengths of the curves
        known = self.spread_ > 0.0
        scaled: Floats = np.where(known, (x - self.centre_) / np.where(known, self.spread_, 1.0), 0.0)
        return scaled

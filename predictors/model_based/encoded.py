"""What the regressors on encoded architectures share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.observations import Observations

Encoding = Literal["adjacency", "path"]
"""Hyperparameter ``encoding`` of every regressor."""

Floats = NDArray[np.float64]

State = TypeVar("State")
"""What a method learns."""


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Shift and scale of training targets in percent; ``std`` is 0 if they are all equal."""

    mean: float
    std: float

    @classmethod
    def of(cls, targets: Floats) -> Standardiser:
        """Return mean and standard deviation (divisor n) of at least one target."""
        first = float(targets[0])
        # Rounding gives equal targets a mean and a deviation that are slightly off.
        if bool(np.all(targets == first)):
            return cls(first, 0.0)
        return cls(float(targets.mean()), float(targets.std()))


class EncodedRegressor(Predictor, Generic[State]):
    """A regression model on an encoding, trained on standardised targets, predicting percent.

    Subclasses implement ``_fit_model`` and ``_predict_model`` (and ``_predict_model_distribution``
    if the method has a predictive distribution), all on standardised targets. Training targets
    that are all equal (a single one included) cannot be standardised: then no model is made and
    every prediction is that value.

    Attributes:
        scale_: Mean and standard deviation of the training targets.
        model_: Learned state of the method; None after equal training targets.
    """

    takes_extra: ClassVar[bool] = True

    encoding: Encoding
    scale_: Standardiser
    model_: State | None

    def _fit(self, train: Observations) -> None:
        scale, x, z = self._standardised(train)
        model = self._fit_model(x, z) if scale.std > 0.0 else None
        self.scale_, self.model_ = scale, model

    def _standardised(self, train: Observations) -> tuple[Standardiser, Floats, Floats]:
        """Return scale, encoding and standardised targets (zeros if they are all equal)."""
        assert train.targets is not None
        scale = Standardiser.of(np.asarray(train.targets, dtype=np.float64))
        return scale, train.encode(self.encoding), (train.targets - scale.mean) / (scale.std or 1.0)

    def _predict(self, query: Observations) -> Floats:
        x = query.encode(self.encoding)
        if self.model_ is None or len(x) == 0:
            return np.full(len(x), self.scale_.mean)
        return self.scale_.mean + self.scale_.std * self._predict_model(self.model_, x)

    def _predict_distribution(self, query: Observations) -> tuple[Floats, Floats]:
        x = query.encode(self.encoding)
        if self.model_ is None or len(x) == 0:
            return np.full(len(x), self.scale_.mean), np.zeros(len(x))
        mean, std = self._predict_model_distribution(self.model_, x)
        return self.scale_.mean + self.scale_.std * mean, self.scale_.std * std

    @abstractmethod
    def _fit_model(self, x: Floats, z: Floats) -> State:
        """Return the learned state; ``x`` of shape (n, features), ``z`` standardised, (n,)."""

    @abstractmethod
    def _predict_model(self, model: State, x: Floats) -> Floats:
        """Return standardised predictions of shape (m,), m >= 1."""

    def _predict_model_distribution(self, model: State, x: Floats) -> tuple[Floats, Floats]:
        """Return standardised predictive mean and standard deviation, both of shape (m,)."""
        del model, x
        raise NotImplementedError(f"{type(self).__name__} has no predictive uncertainty")

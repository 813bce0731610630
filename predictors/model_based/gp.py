"""Exact Gaussian process (gpytorch).

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006.

Differences from NASLib, each a correction: the hyperparameters are trained (there the published
runner leaves them at random draws from their priors) with the learning rate that is stated, and
predictions use mean and diagonal variance only. The 200 steps of Adam on the log posterior follow
gradients in closed form (``gp_training``), for many training sets at once: the same numbers as
gpytorch's automatic differentiation for a tenth of the time and less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np

from predictors.model_based.encoded import Encoding, Floats
from predictors.model_based.gp_training import Hyperparameters, squared_distances, train_exact
from predictors.model_based.joint import JointRegressor
from predictors.parameters import Range


@dataclass(frozen=True, slots=True)
class GPState:
    """What prediction needs.

    Attributes:
        x: Encoded training architectures, shape (n, features).
        z: Standardised targets, shape (n,).
        hyperparameters: Trained; the noise contains the jitter, if any was needed.
    """

    x: Floats
    z: Floats
    hyperparameters: Hyperparameters


class GaussianProcess(JointRegressor[GPState]):
    """Zero-mean process with an RBF kernel of one lengthscale; maximum a posteriori by Adam.

    Variance and lengthscale have LogNormal(0, 1) priors.

    Args:
        encoding: Encoding of the architectures.
        variance: Variance at which training starts; targets are standardised.
        lengthscale: Lengthscale at which training starts.
        noise: Noise variance at which training starts.
        steps: Steps of Adam; 0 leaves the hyperparameters as they start.
        learning_rate: Of Adam, on logarithms.
        seed: Without effect.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        variance: Annotated[float, Range(1e-6, 1e6)] = 5.0,
        lengthscale: Annotated[float, Range(1e-6, 1e6)] = 10.0,
        noise: Annotated[float, Range(1e-6, 1e6)] = 1.0,
        steps: Annotated[int, Range(0, 100_000)] = 200,
        learning_rate: Annotated[float, Range(1e-6, 1)] = 0.01,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.variance = variance
        self.lengthscale = lengthscale
        self.noise = noise
        self.steps = steps
        self.learning_rate = learning_rate
        self.seed = seed

    @classmethod
    def _entries(cls, n: int) -> int:
        return n * n

    @classmethod
    def _fit_models(
        cls, predictors: Sequence[Self], xs: Sequence[Floats], zs: Sequence[Floats]
    ) -> list[GPState]:
        first = predictors[0]
        start = Hyperparameters(first.variance, first.lengthscale, first.noise)
        distances = [squared_distances(x) for x in xs]
        trained = train_exact(distances, zs, start, steps=first.steps, learning_rate=first.learning_rate)
        return [GPState(*parts) for parts in zip(xs, zs, trained, strict=True)]

    def _predict_model(self, model: GPState, x: Floats) -> Floats:
        mean, _ = _posterior(model, x, variance=False)
        return mean

    def _predict_model_distribution(self, model: GPState, x: Floats) -> tuple[Floats, Floats]:
        mean, variance = _posterior(model, x, variance=True)
        assert variance is not None
        return mean, np.sqrt(variance)


def _posterior(state: GPState, x: Floats, *, variance: bool) -> tuple[Floats, Floats | None]:
    """Return predictive mean and, if asked for, variance, both of shape (m,).

    Each distinct row is predicted once: in a matrix product equal rows may differ in the last bit,
    and ties between architectures would be broken by rounding.
    """
    from predictors.model_based.gp_model import ExactModel

    rows, position = np.unique(x, axis=0, return_inverse=True)
    mean, spread = ExactModel(state.x, state.z, state.hyperparameters).posterior(rows, variance=variance)
    position = position.reshape(-1)
    return mean[position], None if spread is None else spread[position]

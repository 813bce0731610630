"""What the sparse Gaussian processes share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol, Self

import numpy as np

from predictors.model_based.encoded import Encoding, Floats
from predictors.model_based.gp_inducing import InducingKernel
from predictors.model_based.gp_training import Hyperparameters, Objective, maximise
from predictors.model_based.joint import JointRegressor
from predictors.model_based.kmeans import kmeans
from predictors.model_based.neural.stack import Stack
from predictors.parameters import Range
from tasks.seeds import generator

if TYPE_CHECKING:
    import torch


class Bound(Objective, Protocol):
    """A bound on the log marginal likelihood that is trained, and predicts."""

    def posterior(self, parameters: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return w and R: mean k w and variance of the prior - k R k, k = covariance with inducing points."""


@dataclass(frozen=True, slots=True)
class SparseState:
    """What prediction needs.

    Attributes:
        inducing: Inducing points, shape (m, features).
        weights: Shape (m,).
        known: What the inducing points take from the variance, shape (m, m).
        hyperparameters: Trained.
    """

    inducing: Floats
    weights: Floats
    known: Floats
    hyperparameters: Hyperparameters


class SparseRegressor(JointRegressor[SparseState]):
    """Zero-mean process with an RBF kernel of one lengthscale, known through inducing points.

    Everything is trained by Adam, inducing points included, which start at the centres of clusters
    of the training architectures. Variance and lengthscale have LogNormal(0, 1) priors.

    Args:
        encoding: Encoding of the architectures.
        inducing: Number of inducing points; with fewer different training architectures, as many.
        variance: Variance at which training starts; targets are standardised.
        lengthscale: Lengthscale at which training starts.
        noise: Noise variance at which training starts.
        steps: Steps of Adam.
        learning_rate: Of Adam; positive quantities are trained as logarithms.
        seed: Of the clusters.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        inducing: Annotated[int, Range(1, 10_000)] = 10,
        variance: Annotated[float, Range(1e-6, 1e6)] = 5.0,
        lengthscale: Annotated[float, Range(1e-6, 1e6)] = 10.0,
        noise: Annotated[float, Range(1e-6, 1e6)] = 1.0,
        steps: Annotated[int, Range(1, 100_000)] = 200,
        learning_rate: Annotated[float, Range(1e-6, 1)] = 0.01,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.inducing = inducing
        self.variance = variance
        self.lengthscale = lengthscale
        self.noise = noise
        self.steps = steps
        self.learning_rate = learning_rate
        self.seed = seed

    @abstractmethod
    def _bound(self, kernel: InducingKernel) -> Bound:
        """Return what is maximised."""

    @abstractmethod
    def _start(self, points: int) -> dict[str, Floats]:
        """Return first values of the bound's parameters besides ``logs`` and ``inducing``."""

    @classmethod
    def _entries(cls, n: int) -> int:
        # Ten inducing points or so, and about thirty features.
        return 30 * n

    @classmethod
    def _fit_models(
        cls, predictors: Sequence[Self], xs: Sequence[Floats], zs: Sequence[Floats]
    ) -> list[SparseState]:
        import torch

        first = predictors[0]
        start = Hyperparameters(first.variance, first.lengthscale, first.noise)
        centres = [
            kmeans(x, predictor.inducing, generator("inducing points", predictor.seed))
            for predictor, x in zip(predictors, xs, strict=True)
        ]
        counts = [len(one) for one in centres]
        points = max(counts)
        # Padding lies at the origin, but the kernel does not see it.
        initial = [
            {
                "logs": start.logs,
                "inducing": np.pad(one, ((0, points - len(one)), (0, 0))),
                **first._start(points),
            }
            for one in centres
        ]
        stack = Stack(initial, dtype=torch.float64)
        bound = first._bound(InducingKernel(xs, zs, counts))
        maximise(bound, stack, steps=first.steps, learning_rate=first.learning_rate)
        weights, known = (part.cpu().numpy() for part in bound.posterior(stack.values))
        values, inducing = (stack.values[name].cpu().numpy() for name in ("logs", "inducing"))
        return [
            SparseState(
                inducing[index, :count].copy(),
                weights[index, :count].copy(),
                known[index, :count, :count].copy(),
                Hyperparameters(*np.exp(values[index]).tolist()),
            )
            for index, count in enumerate(counts)
        ]

    def _predict_model(self, model: SparseState, x: Floats) -> Floats:
        # Not BLAS: equal rows must give equal scores, or ties would be broken by rounding.
        return np.asarray(np.einsum("qm,m->q", _covariance(model, x), model.weights))

    def _predict_model_distribution(self, model: SparseState, x: Floats) -> tuple[Floats, Floats]:
        covariance = _covariance(model, x)
        known = np.einsum("qm,qm->q", covariance @ model.known, covariance)
        prior, noise = model.hyperparameters.variance, model.hyperparameters.noise
        return self._predict_model(model, x), np.sqrt(np.maximum(prior - known, 0.0) + noise)


def _covariance(model: SparseState, x: Floats) -> Floats:
    """Return the covariance of architectures with the inducing points, shape (q, m)."""
    products = np.einsum("qd,md->qm", x, model.inducing)
    norms = np.einsum("qd,qd->q", x, x)[:, None] + np.einsum("md,md->m", model.inducing, model.inducing)
    distances = np.maximum(norms - 2.0 * products, 0.0)
    values = model.hyperparameters
    return np.asarray(values.variance * np.exp(distances * (-0.5 / values.lengthscale**2)))

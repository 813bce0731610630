"""NASBOWL's surrogate: a Gaussian process with a Weisfeiler-Lehman kernel on cells.

Ru, Wan, Dong and Osborne, "Interpretable Neural Architecture Search via Bayesian Optimisation with
Weisfeiler-Lehman Kernels", ICLR 2021.

Differences from NASLib. Corrections: rows of skip connections are contracted, dead vertices are
removed until none is left, a cell without any path is a graph like the others (there its prediction
is 0), and accuracies are clipped below 100 %. Choices: relabelling follows predecessors, the number
of rounds and the noise are always tuned (there only if asked for), and the noise is the maximum of
the marginal likelihood over its whole range (there 200 steps of Adam from one start). The kernel has
a fixed diagonal, so one eigendecomposition per number of rounds gives the likelihood at every noise;
a query costs a sum over its own features, and no kernel of training cells is built again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from predictors.base import Predictor
from predictors.encodings.shared import subtrees
from predictors.encodings.wl import SubtreeFeatures
from predictors.model_based.encoded import Standardiser
from predictors.model_based.wl_kernel import Vocabulary
from predictors.observations import Observations
from predictors.parameters import Range

Floats = NDArray[np.float64]

MIN_NOISE = 1e-7
"""Smallest noise variance; standardised targets have variance 1."""

MAX_ACCURACY = 99.99
"""In percent; targets above are clipped, as the logarithm of the error ends at 100."""

_GRID = 61
"""Noises at which the likelihood is evaluated before the best one is refined."""

_BLOCK = 2000
"""Queries per block, so that many of them do not make a large kernel matrix."""


@dataclass(frozen=True, slots=True)
class WLState:
    """What prediction needs; targets are standardised logarithms of errors.

    Attributes:
        vocabulary: Features of the training cells and the number of rounds.
        weights: One per feature; their sum over the features of a cell is its posterior mean.
        incidence: Which training cell has which feature, shape (n, features).
        directions: Eigenvectors of the training kernel, each divided by the root of its eigenvalue
            plus noise, shape (n, n).
        noise: Tuned noise variance.
        errors: Mean and standard deviation of the logarithms.
    """

    vocabulary: Vocabulary
    weights: Floats
    incidence: csr_array
    directions: Floats
    noise: float
    errors: Standardiser


class WeisfeilerLehmanProcess(Predictor):
    """Zero-mean process on standardised ln(1 - accuracy), with the normalised WL kernel.

    Predictions are taken back to percent, which keeps their order: they are medians. Standard
    deviations are taken back to first order.

    Args:
        rounds: Largest number of relabelling rounds; the marginal likelihood chooses.
        max_noise: Largest noise variance, the smallest being 1e-7; it chooses here, too.
        seed: Without effect.

    Attributes:
        scale_: Mean and standard deviation of the training targets.
        model_: Learned state; None if all training targets (after clipping) are equal.
    """

    scale_: Standardiser
    model_: WLState | None

    def __init__(
        self,
        *,
        rounds: Annotated[int, Range(0, 20)] = 3,
        max_noise: Annotated[float, Range(1e-6, 1e6)] = 0.1,
        seed: int = 0,
    ) -> None:
        self.rounds = rounds
        self.max_noise = max_noise
        self.seed = seed

    @property
    def encodings(self) -> tuple[str, ...]:
        """Subtree features of all rounds."""
        return (subtrees(self.rounds),)

    def _fit(self, train: Observations) -> None:
        assert train.targets is not None
        scale = Standardiser.of(np.asarray(train.targets, dtype=np.float64))
        logs = np.log1p(-np.minimum(train.targets, MAX_ACCURACY) / 100.0)
        errors = Standardiser.of(logs)
        model = None
        if scale.std > 0.0 and errors.std > 0.0:
            features = train.subtree_features(self.rounds)
            model = _fit_state(features, (logs - errors.mean) / errors.std, errors, self.max_noise)
        self.scale_, self.model_ = scale, model

    def _predict(self, query: Observations) -> Floats:
        if self.model_ is None or len(query) == 0:
            return np.full(len(query), self.scale_.mean)
        incidence = self.model_.vocabulary.incidence(query.subtree_features(self.rounds))
        return np.asarray(-100.0 * np.expm1(_log_errors(self.model_, incidence)))

    def _predict_distribution(self, query: Observations) -> tuple[Floats, Floats]:
        if self.model_ is None or len(query) == 0:
            return np.full(len(query), self.scale_.mean), np.zeros(len(query))
        model = self.model_
        incidence = model.vocabulary.incidence(query.subtree_features(self.rounds))
        logs = _log_errors(model, incidence)
        explained = np.zeros(len(query))
        for start in range(0, len(query), _BLOCK):
            rows = slice(start, start + _BLOCK)
            kernel = (incidence[rows] @ model.incidence.T).toarray()
            explained[rows] = np.sum((kernel @ model.directions) ** 2, axis=1)
        # A cell has a prior variance of 1.
        std = model.errors.std * np.sqrt(np.maximum(1.0 - explained, 0.0) + model.noise)
        return -100.0 * np.expm1(logs), 100.0 * np.exp(logs) * std


def _fit_state(features: SubtreeFeatures, z: Floats, errors: Standardiser, max_noise: float) -> WLState:
    """Return the state with the rounds and the noise of the largest marginal likelihood."""
    best, chosen = -np.inf, None
    for rounds in range(features.ids.shape[1]):
        vocabulary = Vocabulary.of(features, rounds)
        incidence = vocabulary.incidence(features)
        values, vectors = eigh((incidence @ incidence.T).toarray(), driver="evd", overwrite_a=True)
        # Rounding may leave tiny negative numbers.
        values = np.maximum(values, 0.0)
        projected = vectors.T @ z
        noise, likelihood = best_noise(values, projected, max_noise)
        if likelihood > best:
            best, chosen = likelihood, (vocabulary, incidence, values, vectors, projected, noise)
    assert chosen is not None
    vocabulary, incidence, values, vectors, projected, noise = chosen
    weights = incidence.T @ (vectors @ (projected / (values + noise)))
    return WLState(vocabulary, weights, incidence, vectors / np.sqrt(values + noise), noise, errors)


def best_noise(values: Floats, projected: Floats, max_noise: float) -> tuple[float, float]:
    """Return the noise variance that maximises the log marginal likelihood, and that value.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equation 2.30, in the
    basis of eigenvectors, without the constant.

    Args:
        values: Eigenvalues of the kernel matrix, shape (n,).
        projected: Targets along its eigenvectors, shape (n,).
        max_noise: Upper end of the search, which begins at ``MIN_NOISE``.
    """

    def loss(log_noise: Floats) -> Floats:
        spread = values + np.exp(log_noise)[..., None]
        return np.asarray(0.5 * np.sum(projected**2 / spread + np.log(spread), axis=-1))

    grid = np.linspace(np.log(MIN_NOISE), np.log(max_noise), _GRID)
    losses = loss(grid)
    best = int(np.argmin(losses))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    fine = minimize_scalar(loss, bounds=ends, method="bounded")
    log_noise, value = (fine.x, fine.fun) if fine.fun < losses[best] else (grid[best], losses[best])
    return float(np.exp(log_noise)), -float(value)


def _log_errors(model: WLState, incidence: csr_array) -> Floats:
    """Return the posterior mean of ln(1 - accuracy)."""
    return np.asarray(model.errors.mean + model.errors.std * (incidence @ model.weights))

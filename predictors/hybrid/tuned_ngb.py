"""NGBoost whose hyperparameters are chosen by the likelihood of held-out architectures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.model_based.ngb import NGBoost
from predictors.parameters import Range
from tasks.seeds import generator

if TYPE_CHECKING:
    from ngboost import NGBRegressor

FOLDS = 3
MIN_FOLD = 4
"""Architectures in a held-out fold at least; with fewer than two such folds nothing is chosen."""

_RATES = (0.001, 0.1)
_DEPTHS = (1, 24)
_LEAVES = (2, 19)
_SHARES = (0.1, 1.0)
_WORST = 1e6
"""Loss of a configuration that is out: one without a finite likelihood, or with constant predictions."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A boosted model and the settings that won.

    Attributes:
        settings: Of ``NGBoost``.
        losses: Mean negative log-likelihood of held-out architectures of each configuration, in the
            order in which they were drawn; empty if nothing was chosen.
        model: Fitted with them to all training architectures.
    """

    settings: NGBoost
    losses: Floats
    model: NGBRegressor


class TunedNGBoost(EncodedRegressor[ChosenModel]):
    """NGBoost with the best of some random configurations.

    Args:
        encoding: Encoding of the architectures.
        configs: Random configurations tried; one that predicts a constant is out. If all are, or with
            fewer than 8 training architectures, of which none can be held out, the settings of ``ngb``.
        stages: Stages at most; a configuration has at least a quarter of them.
        seed: Seed of search, folds and models.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        configs: Annotated[int, Range(1, 5000)] = 35,
        stages: Annotated[int, Range(4, 100_000)] = 512,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.configs = configs
        self.stages = stages
        self.seed = seed

    def _fit_model(self, x: Floats, z: Floats) -> ChosenModel:
        rng = generator("tuned ngb", self.seed)
        folds = min(FOLDS, len(z) // MIN_FOLD)
        settings, losses = NGBoost(n_estimators=self.stages, seed=self.seed), np.zeros(0)
        if folds > 1:
            candidates = self._candidates(len(z), rng)
            held_out = np.array_split(rng.permutation(len(z)), folds)
            losses = np.array([_held_out_loss(candidate, x, z, held_out) for candidate in candidates])
            if losses.min() < _WORST:
                settings = candidates[int(losses.argmin())]
        return ChosenModel(settings, losses, settings._fit_model(x, z))

    def _predict_model(self, model: ChosenModel, x: Floats) -> Floats:
        return model.settings._predict_model(model.model, x)

    def _predict_model_distribution(self, model: ChosenModel, x: Floats) -> tuple[Floats, Floats]:
        return model.settings._predict_model_distribution(model.model, x)

    def _candidates(self, n: int, rng: np.random.Generator) -> list[NGBoost]:
        """Return random configurations for n training architectures."""
        # A fold trains on two thirds of them, and both sides of a split need their leaf.
        limit = max(_LEAVES[0], n // FOLDS - 1)

        def size(value: int) -> int:
            return min(max(value, _LEAVES[0]), limit)

        def whole(low: int, high: int) -> int:
            return int(rng.integers(low, high, endpoint=True))

        def log_uniform(low: float, high: float) -> float:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))

        drawn: list[dict[str, Any]] = [
            {
                "n_estimators": round(log_uniform(self.stages / 4, self.stages)),
                "learning_rate": log_uniform(*_RATES),
                "minibatch_frac": float(rng.uniform(*_SHARES)),
                "max_depth": whole(*_DEPTHS),
                "max_features": float(rng.uniform(*_SHARES)),
                "min_samples_leaf": size(whole(*_LEAVES)),
                "min_samples_split": size(whole(*_LEAVES)),
            }
            for _ in range(self.configs)
        ]
        return [NGBoost(**settings, seed=self.seed) for settings in drawn]


def _held_out_loss(settings: NGBoost, x: Floats, z: Floats, held_out: list[np.ndarray[Any, Any]]) -> float:
    """Return the mean negative log-likelihood over the folds; lower is better."""
    total = 0.0
    for test in held_out:
        train = np.setdiff1d(np.arange(len(z)), test)
        if np.ptp(z[train]) == 0.0:
            return _WORST
        mean, std = settings._predict_model_distribution(settings._fit_model(x[train], z[train]), x[test])
        if np.ptp(mean) == 0.0:
            return _WORST
        total += loss(z[test], mean, std) * len(test)
    return min(total / len(z), _WORST)


def loss(z: Floats, mean: Floats, std: Floats) -> float:
    """Return the mean negative log-likelihood of ``z`` under normal distributions; lower is better.

    Computed here: the sign of the score of the ngboost package is another one from version 0.6 on, and
    who takes the lowest then chooses the worst.

    Args:
        z: Shape (n,).
        mean: Shape (n,).
        std: Shape (n,).
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        value = float(np.mean(0.5 * ((z - mean) / std) ** 2 + np.log(std) + 0.5 * np.log(2 * np.pi)))
    return value if np.isfinite(value) else np.inf

"""Natural-gradient boosting of a normal distribution (NGBoost).

Duan et al., "NGBoost: Natural Gradient Boosting for Probabilistic Prediction", ICML 2020.

Differences from NASLib, none of them in method. Splits are chosen by squared error: for one output,
Friedman's criterion is the same number, and scikit-learn is giving its name up. The loop over the
stages is our own (``ngb_parts``): it computes what the ngboost package computes, bit for bit, about
twenty times faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.parameters import Range, Search

if TYPE_CHECKING:
    from ngboost import NGBRegressor


class NGBoost(EncodedRegressor["NGBRegressor"]):
    """Boosts mean and log standard deviation of a normal distribution together.

    Args:
        encoding: Encoding of the architectures.
        n_estimators: Number of stages; each fits one tree per parameter of the distribution.
        learning_rate: Shrinkage of each stage.
        max_depth: Depth of a tree.
        max_features: Share of the features looked at per split.
        min_samples_leaf: Smallest number of architectures in a leaf.
        min_samples_split: Smallest number of architectures in a node that is split.
        minibatch_frac: Share of the architectures that a stage sees; at least one is kept.
        seed: Seed of both shares.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        n_estimators: Annotated[int, Range(1, 100_000), Search(128, 511, log=True)] = 505,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(0.001, 0.1, log=True)] = 0.08127053,
        max_depth: Annotated[int, Range(1, 100), Search(1, 24)] = 6,
        max_features: Annotated[float, Range(1e-6, 1), Search(0.1, 1)] = 0.79204563,
        min_samples_leaf: Annotated[int, Range(1, 1000)] = 1,
        min_samples_split: Annotated[int, Range(2, 1000)] = 2,
        minibatch_frac: Annotated[float, Range(1e-6, 1)] = 0.5,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.minibatch_frac = minibatch_frac
        self.seed = seed

    def _fit_model(self, x: Floats, z: Floats) -> NGBRegressor:
        from predictors.model_based.ngb_parts import LeanBoosting

        model = LeanBoosting(
            {
                "max_depth": self.max_depth,
                "max_features": self.max_features,
                "min_samples_leaf": self.min_samples_leaf,
                "min_samples_split": self.min_samples_split,
            },
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            minibatch_frac=max(self.minibatch_frac, 1.0 / len(z)),
            random_state=self.seed,
        )
        # Trees read single precision; the encodings are zeros and ones.
        return model.fit(x.astype(np.float32), z)

    def _predict_model(self, model: NGBRegressor, x: Floats) -> Floats:
        return self._predict_model_distribution(model, x)[0]

    def _predict_model_distribution(self, model: NGBRegressor, x: Floats) -> tuple[Floats, Floats]:
        distribution = model.pred_dist(x.astype(np.float32))
        return distribution.loc, distribution.scale

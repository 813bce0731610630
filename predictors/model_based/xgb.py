"""Gradient-boosted trees with second-order gradients (XGBoost).

Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016. For architecture encodings:
Siems et al., "NAS-Bench-301 and the Case for Surrogate Benchmarks", 2020 (arXiv 2008.09777).

No difference in method from NASLib: 500 rounds of depth 6 at the library's own settings. At least
one feature is kept whatever the column shares are. Searches draw both shares from [.05, 1]; NASLib's from
[0, 1], so that it can draw zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.parameters import Range, Search

if TYPE_CHECKING:
    from xgboost import Booster


class XGBoost(EncodedRegressor["Booster"]):
    """Boosted trees, squared error.

    Args:
        encoding: Encoding of the architectures.
        rounds: Number of trees.
        max_depth: Depth of a tree.
        learning_rate: Shrinkage of each tree.
        min_child_weight: Smallest number of architectures in a leaf.
        colsample_bytree: Share of the features that a tree may use; at least one is kept.
        colsample_bylevel: Share of those that a level may use; at least one is kept.
        seed: Seed of the feature choice; without effect while both shares are 1.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        rounds: Annotated[int, Range(1, 100_000)] = 500,
        max_depth: Annotated[int, Range(1, 100), Search(1, 14)] = 6,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(0.001, 0.5, log=True)] = 0.3,
        min_child_weight: Annotated[float, Range(0, 1000), Search(1, 9)] = 1.0,
        colsample_bytree: Annotated[float, Range(1e-6, 1), Search(0.05, 1)] = 1.0,
        colsample_bylevel: Annotated[float, Range(1e-6, 1), Search(0.05, 1)] = 1.0,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.rounds = rounds
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.min_child_weight = min_child_weight
        self.colsample_bytree = colsample_bytree
        self.colsample_bylevel = colsample_bylevel
        self.seed = seed

    def _fit_model(self, x: Floats, z: Floats) -> Booster:
        import xgboost

        parameters = {
            "objective": "reg:squarederror",
            # Zeros and ones need two bins: the same trees as "exact", several times faster.
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "eta": self.learning_rate,
            "min_child_weight": self.min_child_weight,
            "colsample_bytree": self.colsample_bytree,
            "colsample_bylevel": self.colsample_bylevel,
            "base_score": 0.0,
            "seed": self.seed,
            "nthread": 1,
            "verbosity": 0,
        }
        return xgboost.train(parameters, xgboost.DMatrix(x, label=z, nthread=1), num_boost_round=self.rounds)

    def _predict_model(self, model: Booster, x: Floats) -> Floats:
        return np.asarray(model.inplace_predict(x, strict_shape=False), dtype=np.float64)

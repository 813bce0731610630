"""Gradient-boosted trees grown leaf by leaf (LightGBM).

Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017. For
architecture encodings: Luo et al., "Neural Architecture Search with GBDT", 2020 (arXiv 2007.04785).

No difference in method from NASLib. Its five architectures per leaf (and LightGBM's own three per
histogram bin) leave no possible split below about eleven training architectures: all predictions are the
same, and results are degenerate. ``small_leaves=True`` ranks after few labels: a leaf then needs
``min(min_data_in_leaf, max(1, n // 4))`` of the n training architectures, a histogram bin needs one, and
no feature is left out beforehand because no split of it is possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.parameters import Range, Search

if TYPE_CHECKING:
    from lightgbm import Booster


class LightGBM(EncodedRegressor["Booster"]):
    """Boosted trees, squared error.

    Args:
        encoding: Encoding of the architectures.
        rounds: Number of trees.
        num_leaves: Largest number of leaves of a tree.
        learning_rate: Shrinkage of each tree.
        feature_fraction: Share of the features that a tree may use.
        bagging_fraction: Share of the architectures that a tree sees.
        bagging_freq: Trees between two draws of that share; 0 uses all architectures always.
        min_data_in_leaf: Architectures that a leaf needs.
        small_leaves: Whether a leaf needs no more than a quarter of the training architectures (at
            least 1), so that few of them can be ranked.
        seed: Seed of both shares.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        rounds: Annotated[int, Range(1, 100_000)] = 500,
        num_leaves: Annotated[int, Range(2, 10_000), Search(10, 99)] = 31,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(0.001, 0.1, log=True)] = 0.05,
        feature_fraction: Annotated[float, Range(1e-6, 1), Search(0.1, 1)] = 0.9,
        bagging_fraction: Annotated[float, Range(1e-6, 1)] = 0.8,
        bagging_freq: Annotated[int, Range(0, 100_000)] = 5,
        min_data_in_leaf: Annotated[int, Range(1, 1000)] = 5,
        small_leaves: bool = False,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.rounds = rounds
        self.num_leaves = num_leaves
        self.learning_rate = learning_rate
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.bagging_freq = bagging_freq
        self.min_data_in_leaf = min_data_in_leaf
        self.small_leaves = small_leaves
        self.seed = seed

    def _fit_model(self, x: Floats, z: Floats) -> Booster:
        import lightgbm

        parameters = {
            "objective": "regression",
            "num_leaves": self.num_leaves,
            "learning_rate": self.learning_rate,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": self.bagging_freq,
            "min_data_in_leaf": self.min_data_in_leaf,
            "seed": self.seed % 2**31,  # LightGBM reads a signed 32-bit integer
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        if self.small_leaves:
            parameters["min_data_in_leaf"] = min(self.min_data_in_leaf, max(1, len(z) // 4))
            parameters |= {"min_data_in_bin": 1, "feature_pre_filter": False}
        data = lightgbm.Dataset(x, label=z, params=parameters)
        booster = lightgbm.train(parameters, data, num_boost_round=self.rounds)
        return booster.free_dataset()

    def _predict_model(self, model: Booster, x: Floats) -> Floats:
        return np.asarray(model.predict(x, num_threads=1), dtype=np.float64)

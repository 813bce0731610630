"""Random forest.

Breiman, "Random Forests", Machine Learning 45, 2001. Settings for architecture encodings: Siems et
al., "NAS-Bench-301 and the Case for Surrogate Benchmarks", 2020 (arXiv 2008.09777).

No difference in method from NASLib, the code of White et al., "How Powerful are Performance
Predictors in NAS?", NeurIPS 2021: 116 trees without bootstrap, at least two architectures per leaf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.parameters import Range, Search

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor


class RandomForest(EncodedRegressor["RandomForestRegressor"]):
    """Mean of trees that are decorrelated by looking at few random features per split.

    Args:
        encoding: Encoding of the architectures.
        n_estimators: Number of trees.
        max_features: Share of the features looked at per split.
        min_samples_leaf: Smallest number of architectures in a leaf.
        min_samples_split: Smallest number of architectures in a node that is split.
        bootstrap: Whether each tree sees a resample instead of all architectures.
        seed: Seed of features (and resamples).
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        n_estimators: Annotated[int, Range(1, 10_000), Search(16, 127, log=True)] = 116,
        max_features: Annotated[float, Range(1e-6, 1), Search(0.1, 0.9, log=True)] = 0.17055852,
        min_samples_leaf: Annotated[int, Range(1, 1000), Search(1, 19)] = 2,
        min_samples_split: Annotated[int, Range(2, 1000), Search(2, 19)] = 2,
        bootstrap: bool = False,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.bootstrap = bootstrap
        self.seed = seed

    def _fit_model(self, x: Floats, z: Floats) -> RandomForestRegressor:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            n_estimators=self.n_estimators,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            min_samples_split=self.min_samples_split,
            bootstrap=self.bootstrap,
            random_state=self.seed,
            n_jobs=1,
        )
        return forest.fit(x, z)

    def _predict_model(self, model: RandomForestRegressor, x: Floats) -> Floats:
        return np.asarray(_tree_predictions(model, x).mean(axis=0))

    def _predict_model_distribution(self, model: RandomForestRegressor, x: Floats) -> tuple[Floats, Floats]:
        trees = _tree_predictions(model, x)
        return trees.mean(axis=0), trees.std(axis=0)


def _tree_predictions(forest: RandomForestRegressor, x: Floats) -> Floats:
    """Return the prediction of each tree, shape (trees, m).

    Straight from the trees: the forest's own ``predict`` starts a thread pool for each call, which
    costs more than the predictions.
    """
    # Trees read single precision; the encodings are zeros and ones.
    x32 = np.ascontiguousarray(x, dtype=np.float32)
    return np.stack([tree.tree_.predict(x32)[:, 0] for tree in forest.estimators_])

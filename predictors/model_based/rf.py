"""Random forest.

Breiman, "Random Forests", Machine Learning 45, 2001. Settings for architecture encodings: Siems et
al., "NAS-Bench-301 and the Case for Surrogate Benchmarks", 2020 (arXiv 2008.09777).

No difference in method from NASLib, the code of White et al., "How Powerful are Performance
Predictors in NAS?", NeurIPS 2021: 116 trees without bootstrap, at least two architectures per leaf. The
trees are those of scikit-learn's forest, without its checks and threads, which cost as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.encoded import EncodedRegressor, Encoding, Floats
from predictors.parameters import Range, Search

if TYPE_CHECKING:
    from sklearn.tree._tree import Tree


class RandomForest(EncodedRegressor[list["Tree"]]):
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

    def _fit_model(self, x: Floats, z: Floats) -> list[Tree]:
        from predictors.model_based.trees import TreeGrower

        grower = TreeGrower(
            *x.shape,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            min_samples_split=self.min_samples_split,
        )
        x32, z = _single(x), np.ascontiguousarray(z)
        # Seeds and resamples are drawn as the package draws them.
        stream = np.random.RandomState(self.seed)
        seeds = [int(stream.randint(np.iinfo(np.int32).max)) for _ in range(self.n_estimators)]
        return [grower.grow(x32, z, seed, self._times(len(z), seed)) for seed in seeds]

    def _times(self, n: int, seed: int) -> Floats | None:
        """Return how many times each architecture is in a resample; None for all of them once."""
        if not self.bootstrap:
            return None
        drawn = np.random.RandomState(seed).randint(0, n, n, dtype=np.int32)
        return np.bincount(drawn, minlength=n).astype(np.float64)

    def _predict_model(self, model: list[Tree], x: Floats) -> Floats:
        return np.asarray(_tree_predictions(model, x).mean(axis=0))

    def _predict_model_distribution(self, model: list[Tree], x: Floats) -> tuple[Floats, Floats]:
        trees = _tree_predictions(model, x)
        return trees.mean(axis=0), trees.std(axis=0)


def _tree_predictions(trees: list[Tree], x: Floats) -> Floats:
    """Return the prediction of each tree, shape (trees, m)."""
    x32 = _single(x)
    return np.stack([tree.predict(x32)[:, 0] for tree in trees])


def _single(x: Floats) -> NDArray[np.float32]:
    """Return what trees read: single precision; the encodings are zeros and ones."""
    return np.ascontiguousarray(x, dtype=np.float32)

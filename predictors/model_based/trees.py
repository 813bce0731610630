"""Regression trees of scikit-learn without what its estimators do around them. Imports scikit-learn.

On a hundred architectures, checks, cloning and threads of an estimator take longer than its trees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.tree._criterion import MSE
from sklearn.tree._splitter import BestSplitter
from sklearn.tree._tree import DepthFirstTreeBuilder, Tree

Floats = NDArray[np.float64]

_ONE_CLASS = np.ones(1, dtype=np.intp)
"""What a regression tree of one output has in place of classes."""

_NO_LIMIT = np.iinfo(np.int32).max


class TreeGrower:
    """Grows trees on training sets of one shape, each that of ``DecisionTreeRegressor``.

    Built from the parts that ``DecisionTreeRegressor.fit`` puts together; they are made once. Splits
    are chosen by squared error.

    Args:
        rows: Of a training set.
        features: Of a training set.
        max_features: Share of the features looked at per split, at least one feature.
        min_samples_leaf: Fewest rows in a leaf.
        min_samples_split: Fewest rows in a node that is split.
        max_depth: Depth; by default without limit.
    """

    def __init__(
        self,
        rows: int,
        features: int,
        *,
        max_features: float,
        min_samples_leaf: int = 1,
        min_samples_split: int = 2,
        max_depth: int = _NO_LIMIT,
    ) -> None:
        self._features = features
        # Seeded anew for each tree.
        self._stream = np.random.RandomState()
        looked_at = max(1, int(max_features * features))
        splitter = BestSplitter(MSE(1, rows), looked_at, min_samples_leaf, 0.0, self._stream, None)
        fewest = max(min_samples_split, 2 * min_samples_leaf)
        self._builder = DepthFirstTreeBuilder(splitter, fewest, min_samples_leaf, 0.0, max_depth, 0.0)

    def grow(self, x: NDArray[np.float32], y: Floats, seed: int, weight: Floats | None = None) -> Tree:
        """Grow a tree; its ``predict`` reads float32 rows and returns shape (m, 1).

        Args:
            x: Shape (rows, features), contiguous, without undefined values.
            y: Targets, shape (rows,), contiguous.
            seed: The estimator's ``random_state``.
            weight: Of each row, shape (rows,); default 1.
        """
        self._stream.seed(seed)
        tree = Tree(self._features, _ONE_CLASS, 1)
        self._builder.build(tree, x, y[:, None], weight, None)
        return tree

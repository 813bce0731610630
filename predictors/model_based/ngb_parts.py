"""Lean parts for the ngboost package: the same arithmetic without per-stage overhead.

Per stage ngboost builds half a dozen distributions, each with a frozen scipy distribution whose
documentation is formatted anew, and validates the input of every tree and prediction. That is nine
tenths of its run time on a hundred architectures. Imports ngboost and scikit-learn.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from ngboost import NGBRegressor
from ngboost.distns.distn import RegressionDistn
from ngboost.scores import LogScore
from numpy.typing import NDArray
from sklearn.tree._criterion import MSE
from sklearn.tree._splitter import BestSplitter
from sklearn.tree._tree import DepthFirstTreeBuilder, Tree

Floats = NDArray[np.float64]

_HALF_LOG_2PI = float(np.log(np.sqrt(2 * np.pi)))

_LARGEST_SCALE = 256
"""Beyond it a line search doubles no more."""

_ONE_CLASS = np.ones(1, dtype=np.intp)
"""What a regression tree of one output has in place of classes."""


class LeanNormalLogScore(LogScore):  # type: ignore[misc]
    """Negative log-likelihood of ``LeanNormal`` and its natural gradient in closed form."""

    def score(self, y: Floats) -> Floats:
        """Return -log N(y; loc, scale), shape (n,)."""
        z = (y - self.loc) / self.scale
        return np.asarray(z**2 / 2.0 + _HALF_LOG_2PI + np.log(self.scale))

    def d_score(self, y: Floats) -> Floats:
        """Return the gradient in (loc, log scale), shape (n, 2)."""
        return np.stack([(self.loc - y) / self.var, 1 - ((self.loc - y) ** 2) / self.var], axis=1)

    def grad(self, y: Floats, natural: bool = True) -> Floats:  # noqa: FBT001, FBT002 - ngboost's
        """Return the gradient, by default multiplied by the inverse Fisher information.

        The information is diagonal, (1 / var, 2). Divided in this order the result is that of the
        package's linear solve to the last bit, and trees are sensitive to it: equally good splits
        are common among zeros and ones.
        """
        gradient = self.d_score(y)
        if natural:
            gradient[:, 0] /= 1 / self.var
            gradient[:, 1] /= 2
        return gradient


class LeanNormal(RegressionDistn):  # type: ignore[misc]
    """Normal distributions with parameters (loc, log scale), each of shape (n,)."""

    n_params: ClassVar[int] = 2
    scores: ClassVar[list[type]] = [LeanNormalLogScore]

    def __init__(self, params: Floats) -> None:
        super().__init__(params)
        self.loc = params[0]
        self.scale = np.exp(params[1])
        self.var = self.scale**2

    @staticmethod
    def fit(y: Floats) -> Floats:
        """Return the parameters of the best normal distribution of all targets, shape (2,)."""
        loc = y.mean()
        return np.array([loc, np.log(np.sqrt(((y - loc) ** 2).mean()))])

    def sample(self, m: int) -> Floats:
        """Refuse: boosting and prediction never sample.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(f"{m} samples were asked of a distribution that is for fitting only")

    @property
    def params(self) -> dict[str, Floats]:
        """Location and scale by name."""
        return {"loc": self.loc, "scale": self.scale}


class LeanTree:
    """A regression tree that reads float32 arrays as they are.

    Built from the parts that ``DecisionTreeRegressor.fit`` puts together, without what it does
    around them, which takes longer than the tree. ngboost asks of a base learner only what this
    class has.

    Args:
        random_state: Seed.
        stream: Generator that is seeded anew for each tree: making one takes as long as a tree.
            Clones share it.
        max_depth: Depth.
        max_features: Share of the features looked at per split, at least one feature.
        min_samples_leaf: Fewest rows in a leaf.
        min_samples_split: Fewest rows in a node that is split.
    """

    def __init__(
        self,
        *,
        random_state: int | None = None,
        stream: np.random.RandomState | None = None,
        max_depth: int,
        max_features: float,
        min_samples_leaf: int = 1,
        min_samples_split: int = 2,
    ) -> None:
        self.random_state = random_state
        self.stream = np.random.RandomState() if stream is None else stream
        self.max_depth = max_depth
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - scikit-learn's
        """Return the settings; ngboost looks whether ``random_state`` is still None."""
        del deep
        return {
            "random_state": self.random_state,
            "max_depth": self.max_depth,
            "max_features": self.max_features,
            "min_samples_leaf": self.min_samples_leaf,
            "min_samples_split": self.min_samples_split,
        }

    def set_params(self, *, random_state: int) -> Self:
        """Set the seed, which ngboost draws for each tree."""
        self.random_state = random_state
        return self

    def __sklearn_clone__(self) -> LeanTree:
        return LeanTree(stream=self.stream, **self.get_params())

    def fit(self, x: NDArray[np.float32], y: Floats) -> Self:
        """Grow the tree on ``x`` of shape (n, features) and ``y`` of shape (n,)."""
        self.stream.seed(self.random_state)
        n, features = x.shape
        looked_at = max(1, int(self.max_features * features))
        fewest = max(self.min_samples_split, 2 * self.min_samples_leaf)
        splitter = BestSplitter(MSE(1, n), looked_at, self.min_samples_leaf, 0.0, self.stream, None)
        builder = DepthFirstTreeBuilder(splitter, fewest, self.min_samples_leaf, 0.0, self.max_depth, 0.0)
        self.tree_ = Tree(features, _ONE_CLASS, 1)
        builder.build(self.tree_, x, np.ascontiguousarray(y).reshape(-1, 1), None, None)
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Return predictions of shape (m,)."""
        return np.asarray(self.tree_.predict(x)[:, 0])


class LeanBoosting(NGBRegressor):  # type: ignore[misc]
    """The package's boosting of ``LeanNormal``, without computing anything twice.

    Columns are never sampled, so no stage copies them; a line search computes the loss of a step
    size once and builds no distributions. ``col_idxs`` holds slices.
    """

    def sample(
        self,
        X: NDArray[np.float32],  # noqa: N803 - ngboost's
        Y: Floats,  # noqa: N803 - ngboost's
        sample_weight: None,
        params: Floats,
    ) -> tuple[Any, ...]:
        """Return row and column indices of a minibatch, and what it contains."""
        rows: Any = slice(None)
        if self.minibatch_frac != 1.0:
            rows = self._rng.choice(np.arange(len(Y)), int(self.minibatch_frac * len(Y)), replace=False)
        return rows, slice(None), X[rows], Y[rows], sample_weight, params[rows]

    def line_search(
        self,
        resids: Floats,
        start: Floats,
        Y: Floats,  # noqa: N803 - ngboost's
        sample_weight: None = None,
        scale_init: float = 1,
    ) -> float:
        """Return by which power of two the step is scaled: doubled while the loss falls, then halved."""
        del sample_weight
        start_loss, scale = _loss(start, Y), scale_init
        before, loss = start_loss, _loss(start - resids * scale, Y)
        while np.isfinite(loss) and not loss > start_loss and scale <= _LARGEST_SCALE:
            scale = scale * 2
            before, loss = loss, _loss(start - resids * scale, Y)
        known = scale > scale_init
        while not self._is_small(resids * scale) and not (np.isfinite(loss) and loss < start_loss):
            scale = scale * 0.5
            # Having been doubled, the step was tried before at half its size.
            loss, known = before if known else _loss(start - resids * scale, Y), False
        self.scalings.append(scale)
        return scale

    def _is_small(self, step: Floats) -> bool:
        return bool(_mean(np.sqrt((step**2).sum(axis=1))) < self.tol)


def _loss(params: Floats, y: Floats) -> float:
    """Return the mean of ``LeanNormalLogScore.score`` for parameters of shape (n, 2)."""
    scale = np.exp(params[:, 1])
    z = (y - params[:, 0]) / scale
    return _mean(z**2 / 2.0 + _HALF_LOG_2PI + np.log(scale))


def _mean(values: Floats) -> float:
    """Return what ``values.mean()`` returns, in half the time for a few dozen values."""
    return float(np.add.reduce(values) / len(values))

"""Lean parts for the ngboost package: the same arithmetic without per-stage overhead.

Per stage ngboost builds half a dozen distributions, each with a frozen scipy distribution whose
documentation is formatted anew, and validates the input of every tree and prediction. That is four
fifths of its run time on a hundred architectures. Imports ngboost and scikit-learn.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from ngboost.distns.distn import RegressionDistn
from ngboost.scores import LogScore
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

Floats = NDArray[np.float64]

_HALF_LOG_2PI = float(np.log(np.sqrt(2 * np.pi)))


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

    ngboost asks of a base learner only what this class has.

    Args:
        random_state: Seed.
        stream: Generator that is seeded anew for each tree: making one takes a fifth of the time of
            a tree. Clones share it.
        settings: Of the tree.
    """

    def __init__(
        self,
        *,
        random_state: int | None = None,
        stream: np.random.RandomState | None = None,
        **settings: float,
    ) -> None:
        self.random_state = random_state
        self.stream = np.random.RandomState() if stream is None else stream
        self.settings = settings

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - scikit-learn's
        """Return the settings; ngboost looks whether ``random_state`` is still None."""
        del deep
        return {"random_state": self.random_state, **self.settings}

    def set_params(self, *, random_state: int) -> Self:
        """Set the seed, which ngboost draws for each tree."""
        self.random_state = random_state
        return self

    def __sklearn_clone__(self) -> LeanTree:
        return LeanTree(random_state=self.random_state, stream=self.stream, **self.settings)

    def fit(self, x: NDArray[np.float32], y: Floats) -> Self:
        """Grow the tree on ``x`` of shape (n, features) and ``y`` of shape (n,)."""
        self.stream.seed(self.random_state)
        learner = DecisionTreeRegressor(random_state=self.stream, **self.settings)
        self.tree_ = learner.fit(x, y, check_input=False).tree_
        return self

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Return predictions of shape (m,)."""
        return np.asarray(self.tree_.predict(x)[:, 0])

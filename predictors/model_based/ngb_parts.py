"""The ngboost package's boosting of a normal distribution without its per-stage overhead.

Per stage the package builds half a dozen distributions, each with a frozen scipy distribution whose
documentation is formatted anew, and clones, checks and asks its trees twice. That is nine tenths of
its run time on a hundred architectures. Imports ngboost and scikit-learn.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from ngboost import NGBRegressor
from numpy.typing import NDArray

from predictors.model_based.trees import TreeGrower

Floats = NDArray[np.float64]

_HALF_LOG_2PI = float(np.log(np.sqrt(2 * np.pi)))

_LARGEST_SCALE = 256
"""Beyond it a line search doubles no more."""

_FIRST_SCALES = np.array([0.0, 1.0, 2.0, 4.0])[:, None]
"""Scales of a step whose losses are computed together; few line searches go further."""

_SEEDS = np.iinfo(np.int32).max
"""Seeds of trees are smaller."""


class LeanBoosting(NGBRegressor):  # type: ignore[misc]
    """The package's boosting of its default, a normal distribution scored by its logarithm.

    Fitted, it has the package's attributes: ``init_params``, ``base_models`` (two trees of
    ``TreeGrower`` per stage, for mean and log standard deviation), ``scalings`` and ``col_idxs``. Every
    sum and quotient is the package's, in its order: trees are sensitive to the last bit, since equally
    good splits are common among zeros and ones.

    Args:
        tree: Settings of ``TreeGrower``.
        n_estimators: As in the package, like those below.
        learning_rate: Shrinkage of each stage.
        minibatch_frac: Share of the rows that a stage sees.
        random_state: Seed.
    """

    def __init__(
        self,
        tree: dict[str, Any],
        *,
        n_estimators: int,
        learning_rate: float,
        minibatch_frac: float,
        random_state: int,
    ) -> None:
        super().__init__(
            n_estimators=n_estimators,
            learning_rate=learning_rate,
            minibatch_frac=minibatch_frac,
            random_state=random_state,
            verbose=False,
        )
        self.tree = tree

    def partial_fit(self, X: NDArray[np.float32], Y: Floats, **none: None) -> Self:  # noqa: N803 - ngboost's
        """Boost; ``fit`` has made the lists of stages empty.

        Args:
            X: Shape (n, features), contiguous.
            Y: Targets, shape (n,).
            none: What else the package's method takes: nothing that is not None.

        Raises:
            NotImplementedError: Validation sets, weights or monitors were given.
        """
        given = [name for name, value in none.items() if value is not None]
        if given:
            raise NotImplementedError(f"boosting with {', '.join(given)}")
        self.n_features = X.shape[1]
        self.fit_init_params_to_marginal(Y)
        # A line search may try steps that overflow.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            self._boost(X, Y)
        return self

    def _boost(self, x: NDArray[np.float32], y: Floats) -> None:
        n = len(y)
        params = np.repeat(self.init_params[:, None], n, axis=1)
        kept = int(self.minibatch_frac * n) if self.minibatch_frac != 1.0 else n
        steps = np.empty_like(params)
        grower = TreeGrower(kept, x.shape[1], **self.tree)
        for _ in range(self.n_estimators):
            rows = self._rng.permutation(n)[:kept] if self.minibatch_frac != 1.0 else np.arange(n)
            x_batch, y_batch = x.take(rows, axis=0), y.take(rows)
            start = params.take(rows, axis=1)
            seeds = [int(self._rng.randint(_SEEDS)) for _ in start]
            gradients = _natural_gradients(start, y_batch)
            trees = [grower.grow(x_batch, *pair) for pair in zip(gradients, seeds, strict=True)]
            for step, tree in zip(steps, trees, strict=True):
                step[:] = tree.predict(x)[:, 0]
            batch_steps = steps.take(rows, axis=1)
            squares = np.square(batch_steps)
            size = float(_mean(np.sqrt(squares[0] + squares[1])))
            scale = self._scale(batch_steps, size, start, y_batch)
            params -= self.learning_rate * scale * steps
            self.base_models.append(trees)
            self.scalings.append(scale)
            self.col_idxs.append(slice(None))
            if size < self.tol:
                break

    def _scale(self, steps: Floats, size: float, start: Floats, y: Floats) -> float:
        """Return by which power of two a step is scaled: doubled while the loss falls, then halved.

        Args:
            steps: Of the parameters, shape (2, n).
            size: Mean over the rows of their norm.
            start: Parameters, shape (2, n).
            y: Shape (n,).
        """
        first: list[float] = _losses(start[:, None] - steps[:, None] * _FIRST_SCALES, y).tolist()
        known: dict[float, float] = dict(zip(_FIRST_SCALES[:, 0].tolist(), first, strict=True))
        start_loss, scale = first[0], 1.0

        def loss_at(scale: float) -> float:
            if scale not in known:
                known[scale] = float(_losses(start - steps * scale, y))
            return known[scale]

        while math.isfinite(loss := loss_at(scale)) and not loss > start_loss and scale <= _LARGEST_SCALE:
            scale *= 2
        # A power of two scales the norms without rounding.
        while size * scale >= self.tol and not (math.isfinite(loss) and loss < start_loss):
            scale *= 0.5
            loss = loss_at(scale)
        return scale

    def pred_param(self, X: NDArray[np.float32], max_iter: int | None = None) -> Floats:  # noqa: N803 - ngboost's
        """Return mean and log standard deviation, shape (m, 2), of rows (m, features), contiguous."""
        params = np.repeat(self.init_params[:, None], len(X), axis=1)
        for trees, scale in zip(self.base_models[: max_iter or None], self.scalings, strict=False):
            for param, tree in zip(params, trees, strict=True):
                param -= self.learning_rate * tree.predict(X)[:, 0] * scale
        return params.T


def _natural_gradients(params: Floats, y: Floats) -> Floats:
    """Return gradients of the negative log-likelihood times the inverse Fisher information.

    The information is diagonal, (1 / variance, 2). Divided in this order the result is that of the
    package's linear solve to the last bit.

    Args:
        params: Means and log standard deviations, shape (2, n).
        y: Shape (n,).

    Returns:
        Shape (2, n).
    """
    variance = np.exp(params[1]) ** 2
    difference = params[0] - y
    return np.stack([difference / variance / (1 / variance), (1 - difference**2 / variance) / 2])


def _losses(params: Floats, y: Floats) -> Floats:
    """Return mean negative log-likelihoods, shape (...), for parameters of shape (2, ..., n)."""
    scale = np.exp(params[1])
    z = (y - params[0]) / scale
    return np.asarray(_mean(z**2 / 2.0 + _HALF_LOG_2PI + np.log(scale)))


def _mean(values: Floats) -> Floats:
    """Return what ``values.mean(axis=-1)`` returns, in half the time for a few dozen values."""
    return np.asarray(np.add.reduce(values, axis=-1) / values.shape[-1])

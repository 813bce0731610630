"""Support vector regression whose hyperparameters are chosen on held-out folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLDS = 3
MIN_FOLD = 8
"""Training points in a held-out fold at least; with fewer than two such folds nothing is chosen."""

SEARCH_SIZE = 200
"""Training points that the choice is made on at most; the time of a fit grows with their square."""

_WIDTHS = 9
_COST = (0.05, 50.0)
_NU = (0.1, 0.9)
_GAMMA = (0.01, 10.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hyperparameters of nu-SVR on standardised features and targets.

    Attributes:
        cost: Weight C of the errors.
        nu: Share of support vectors, at least.
        gamma: Inverse squared width of the radial kernel, times the number of features; 0 for the
            linear kernel.
    """

    cost: float = 1.0
    nu: float = 0.5
    gamma: float = 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A fitted nu-SVR.

    Attributes:
        settings: What it was fitted with.
        points: Its support vectors, shape (s, features).
        weights: Their coefficients, shape (s,).
        shift: Value far from all of them.
    """

    settings: Settings
    points: Floats
    weights: Floats
    shift: float

    def predict(self, x: Floats) -> Floats:
        """Return predictions (n,)."""
        total: Floats = (kernel(x, self.points, self.settings.gamma) * self.weights).sum(axis=1)
        return total + self.shift


def kernel(x: Floats, other: Floats, gamma: float) -> Floats:
    """Return the kernel (n, m) of standardised features."""
    if gamma == 0.0:
        # Not a matrix product: its rounding would depend on the place of a row.
        products: Floats = np.einsum("nd,md->nm", x / x.shape[1], other)
        return products
    scaled: Floats = _squares(x, other) * (-gamma / x.shape[1])
    return np.exp(scaled)


def fit(x: Floats, y: Floats, settings: Settings) -> Machine:
    """Return the machine of standardised features (n, d) and targets (n,)."""
    machine = _machine(kernel(x, x, settings.gamma), y, settings)
    weights = np.asarray(machine.dual_coef_, dtype=np.float64)[0]
    return Machine(settings, x[machine.support_], weights, float(machine.intercept_[0]))


def choose(x: Floats, y: Floats, count: int, rng: np.random.Generator) -> Settings:
    """Return the best of ``count`` settings by the squared error on held-out folds.

    The default comes first, the others are random; widths are shared by several of them, so that
    their kernels are computed once. Folds are shuffled. With fewer than 16 points, the default.
    """
    rows = rng.permutation(len(x))[:SEARCH_SIZE]
    folds = min(FOLDS, len(rows) // MIN_FOLD)
    settings = _candidates(count, rng)
    if folds < 2 or count == 1:
        return settings[0]
    held_out = np.array_split(np.arange(len(rows)), folds)
    x, y = x[rows], y[rows]
    errors = np.zeros(count)
    for gamma in dict.fromkeys(candidate.gamma for candidate in settings):
        similar = kernel(x, x, gamma)
        for index, candidate in enumerate(settings):
            if candidate.gamma != gamma:
                continue
            for test in held_out:
                train = np.setdiff1d(np.arange(len(rows)), test)
                machine = _machine(similar[np.ix_(train, train)], y[train], candidate)
                predicted = machine.predict(similar[np.ix_(test, train)])
                errors[index] += float(((predicted - y[test]) ** 2).sum())
    return settings[int(errors.argmin())]


def _candidates(count: int, rng: np.random.Generator) -> list[Settings]:
    """Return the default, then random settings, with the linear kernel and nine widths in turn."""
    widths = [0.0, *_log_uniform(_GAMMA, _WIDTHS, rng)]
    costs, shares = _log_uniform(_COST, count, rng), rng.uniform(*_NU, size=count)
    drawn = [
        Settings(float(costs[i]), float(shares[i]), float(widths[i % len(widths)])) for i in range(count - 1)
    ]
    return [Settings(), *drawn]


def _log_uniform(bounds: tuple[float, float], count: int, rng: np.random.Generator) -> Floats:
    low, high = np.log(bounds)
    return np.exp(rng.uniform(float(low), float(high), size=count))


def _machine(similar: Floats, y: Floats, settings: Settings) -> Any:  # noqa: ANN401 - an untyped library
    from sklearn.svm import NuSVR

    machine = NuSVR(kernel="precomputed", C=settings.cost, nu=settings.nu, cache_size=50)
    # It asks for a seed, without a use for it here, and would take one from numpy's global state.
    machine.random_state = 0
    return machine.fit(similar, y)


def _squares(x: Floats, other: Floats) -> Floats:
    """Return squared distances (n, m)."""
    from scipy.spatial.distance import cdist

    squares: Floats = cdist(x, other, "sqeuclidean")
    return squares

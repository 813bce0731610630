"""The 11 parametric families of learning curves, many curves at a time.

Domhan, Springenberg and Hutter, "Speeding up Automatic Hyperparameter Optimization of Deep Neural
Networks by Extrapolation of Learning Curves", IJCAI 2015, table 1. A curve is an accuracy in (0, 1)
at epochs x = 1, 2, ..., T, where T is the end of the training.

Every family is written through its first value b and its last value u, a one-to-one change of
parameters that builds the constraints in: 0 < b < u < 1 makes each curve increasing with an end that
is an accuracy. Parameters are real numbers with standard normal priors. b is a logistic function of
the first one (nearly uniform), the share of the way from b to 1 at which u lies one of the second;
rates and exponents are exponentials of the others, time constants are spread over the training.

Increasing curves of some families coincide: log power is Hill with other names for its parameters,
exp4 and Janoschek are the same exponentials. All are kept, so the set is the published one; the
curves in question have that much more prior weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

LOGISTIC = 1.7
"""A logistic function of 1.7 times a standard normal is uniform to one part in a hundred."""


@dataclass(frozen=True)
class Grid:
    """Epochs at which curves are evaluated.

    Attributes:
        x: Epochs, shape (m,); the first is 1, the last is the end of the training and above 1.
    """

    x: Floats

    @cached_property
    def log(self) -> Floats:
        """Logarithms of the epochs."""
        return np.log(self.x)

    @cached_property
    def end(self) -> float:
        """Logarithm of the last epoch of the training."""
        return float(np.log(self.x[-1]))


@dataclass(frozen=True, slots=True)
class Family:
    """A parametric family.

    Attributes:
        name: As in the paper.
        size: Number of parameters.
        rise: Maps parameters (B, size), the first and last values (B, 1) and a grid of m epochs to
            curves (B, m).
    """

    name: str
    size: int
    rise: Callable[[Floats, Floats, Floats, Grid], Floats]

    def curves(self, z: Floats, grid: Grid) -> Floats:
        """Return the curves (..., m) of parameters (..., size)."""
        flat = z.reshape(-1, self.size)
        first = _logistic(flat[:, :1])
        last = first + (1.0 - first) * _logistic(flat[:, 1:2])
        return self.rise(flat, first, last, grid).reshape(*z.shape[:-1], len(grid.x))


def _logistic(z: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-LOGISTIC * z))


def _positive(z: Floats, centre: float, spread: float) -> Floats:
    """Return a log-normal variable of a standard normal one."""
    return np.exp(centre + spread * z)


def _time(z: Floats, grid: Grid) -> Floats:
    """Return the logarithm of a time constant between the start and the end."""
    return 0.5 * max(grid.end, 0.5) * (1.0 + z)


def _between(first: Floats, last: Floats, shape: Floats) -> Floats:
    """Return the curves whose distance to their limit falls like ``shape``.

    c - a shape(x) for the c and a that give the first and the last value.
    """
    left = (shape - shape[:, -1:]) / (shape[:, :1] - shape[:, -1:])
    return last - (last - first) * left


def _pow3(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve c - a x^-alpha."""
    return _between(first, last, np.exp(-_positive(z[:, 2:3], -0.5, 0.8) * grid.log))


def _pow4(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve c - (a x + b)^-alpha, which is c - a^-alpha (x + shift)^-alpha."""
    alpha, shift = _positive(z[:, 2:3], -0.5, 0.8), _positive(z[:, 3:4], 0.0, 1.0)
    return _between(first, last, np.exp(-alpha * np.log((grid.x + shift) / (1.0 + shift))))


def _ilog2(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve c - a / log(x + 1)."""
    del z
    return _between(first, last, 1.0 / np.log1p(grid.x)[None])


def _exponential(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """exp4, c - exp(-a x^alpha + b); and Janoschek, alpha - (alpha - beta) exp(-kappa x^delta)."""
    rate, power = _positive(z[:, 2:3], -1.0, 1.0), _positive(z[:, 3:4], -0.3, 0.5)
    return _between(first, last, np.exp(-rate * (np.exp(power * grid.log) - 1.0)))


def _weibull(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve alpha - (alpha - beta) exp(-(kappa x)^delta), with the time constant 1/kappa."""
    time, power = _time(z[:, 2:3], grid), _positive(z[:, 3:4], -0.3, 0.5)
    start = np.exp(-power * time)
    return _between(first, last, np.exp(start - np.exp(power * (grid.log - time))))


def _mmf(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve alpha - (alpha - beta) / (1 + (kappa x)^delta), with the time constant 1/kappa."""
    time, power = _time(z[:, 2:3], grid), _positive(z[:, 3:4], 0.0, 0.5)
    return _between(first, last, 1.0 / (1.0 + np.exp(power * (grid.log - time))))


def _hill(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """Hill3, y x^eta / (kappa^eta + x^eta); and log power, a / (1 + (x / e^b)^c) with c < 0.

    The third parameter is the share of the limit y that is reached at the end.
    """
    share = _logistic(z[:, 2:3])
    early = share * first / last
    odds, late_odds = early / (1.0 - early), share / (1.0 - share)
    raised = np.exp(np.log(late_odds / odds) * (grid.log / grid.end))
    return last / share * (1.0 - 1.0 / (1.0 + odds * raised))


def _vapor(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve exp(a + b/x + c log x) with b < 0 < c.

    The third parameter divides the rise between the two terms.
    """
    part = _logistic(z[:, 2:3])
    inverse = (1.0 / grid.x - 1.0 / grid.x[-1]) / (1.0 - 1.0 / grid.x[-1])
    log = 1.0 - grid.log / grid.end
    left: Floats = part * inverse + (1.0 - part) * log
    return last * np.exp(-np.log(last / first) * left)


def _loglog(z: Floats, first: Floats, last: Floats, grid: Grid) -> Floats:
    """The curve log(a log x + b)."""
    del z
    start = np.exp(first)
    inside: Floats = start + (np.exp(last) - start) * (grid.log / grid.end)
    return np.log(inside)


FAMILIES: tuple[Family, ...] = (
    Family("vapor_pressure", 3, _vapor),
    Family("pow3", 3, _pow3),
    Family("log_log_linear", 2, _loglog),
    Family("hill3", 3, _hill),
    Family("log_power", 3, _hill),
    Family("pow4", 4, _pow4),
    Family("mmf", 4, _mmf),
    Family("exp4", 4, _exponential),
    Family("janoschek", 4, _exponential),
    Family("weibull", 4, _weibull),
    Family("ilog2", 2, _ilog2),
)
"""All of them."""

STUDY_FAMILIES: tuple[Family, ...] = tuple(
    family for family in FAMILIES if family.name in {"log_log_linear", "log_power", "mmf", "hill3"}
)
"""The four that the study of White et al. keeps."""

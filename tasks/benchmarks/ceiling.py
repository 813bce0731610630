"""How far the noise of training lets any predictor go on a measured table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.metrics import kendall
from tasks.seeds import generator

SPLITS = 50
"""Random splits into halves that are averaged over."""


@dataclass(frozen=True, slots=True)
class NoiseCeiling:
    """Agreement of a measurement with itself.

    Attributes:
        runs: Runs per architecture.
        architectures: How many were compared.
        half_tau: Kendall tau between the means of two disjoint halves of the runs (of an odd
            number one is left out), averaged over random splits.
        tau: The same between the means of all runs and of as many further ones, extrapolated by
            the formula of Spearman and Brown (1910), which holds for correlations and serves as
            an approximation for tau.
    """

    runs: int
    architectures: int
    half_tau: float
    tau: float


def noise_ceiling(values: NDArray[np.floating], *, splits: int = SPLITS) -> NoiseCeiling | None:
    """Return the noise ceiling of repeated measurements; None if it is undefined.

    Args:
        values: Finite measurements, shape (architectures, runs).
        splits: Random splits to average over; the same ones on every call.
    """
    values = np.asarray(values, dtype=np.float64)
    count, runs = values.shape
    half = runs // 2
    if half < 1 or count < 2:
        return None
    rng = generator("noise ceiling", runs)
    taus = []
    for _ in range(1 if runs == 2 else splits):
        order = rng.permutation(runs)
        first, second = order[:half], order[half : 2 * half]
        tau = kendall(values[:, first].mean(axis=1), values[:, second].mean(axis=1))
        if tau is None:
            return None
        taus.append(tau)
    half_tau = float(np.mean(taus))
    factor = runs / half
    if half_tau <= 0:
        return NoiseCeiling(runs, count, half_tau, half_tau)
    return NoiseCeiling(runs, count, half_tau, factor * half_tau / (1.0 + (factor - 1.0) * half_tau))


@dataclass(frozen=True, slots=True)
class FirstRunAgreement:
    """How well the first run, whose curve a table shows, agrees with what it is judged by.

    Attributes:
        target_tau: Kendall tau with the mean of all runs, the first among them. The end of the curve is then
            a part of the target: the fewer the runs, the more.
        others_tau: The same with the mean of the other runs only, in which the first has no part.
    """

    target_tau: float
    others_tau: float


def first_run_agreement(values: NDArray[np.floating]) -> FirstRunAgreement | None:
    """Return the agreement of the first of repeated measurements; None if it is undefined.

    Args:
        values: Finite measurements, shape (architectures, runs).
    """
    runs: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if runs.shape[0] < 2 or runs.shape[1] < 2:
        return None
    first = runs[:, 0]
    target, others = kendall(first, runs.mean(axis=1)), kendall(first, runs[:, 1:].mean(axis=1))
    if target is None or others is None:
        return None
    return FirstRunAgreement(target, others)

"""Which predictor for which pair of times: the map of White et al. (NeurIPS 2021), free of any drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.report import layout
from pipeline.report.curves import FloatArray, TimePanel

RESOLUTION = (180, 135)
"""Budgets along the initialisation time and the query time."""


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Budgets of both times, equal ratios apart, shared by all maps of a report.

    Attributes:
        init: Most seconds of initialisation, rising.
        query: Most seconds per queried architecture, rising.
        init_zero: Where settings that need no initialisation stand; below every other setting.
        query_zero: The same of the query time.
    """

    init: FloatArray
    query: FloatArray
    init_zero: float
    query_zero: float

    @classmethod
    def of(cls, panels: Sequence[TimePanel], resolution: tuple[int, int] = RESOLUTION) -> TimeGrid:
        """Return a grid that holds every setting of at least one panel, with a margin."""
        axes, zeros = [], []
        for steps, times in zip(
            resolution, ([panel.init for panel in panels], [panel.query for panel in panels]), strict=True
        ):
            joined = np.concatenate(times)
            floor = layout.log_floor(joined)
            shown = np.where(joined > 0, joined, floor)
            low, high = float(shown.min()), float(shown.max())
            axes.append(np.geomspace(low / 1.5, max(high, low * 10) * 3.0, steps))
            zeros.append(floor)
        return cls(axes[0], axes[1], zeros[0], zeros[1])


@dataclass(frozen=True, slots=True)
class RegionMap:
    """The best predictor at each pair of budgets; arrays are (query, init) on the grid.

    Attributes:
        title: The task, or what the tau is averaged over.
        labels: All predictor variants, sorted.
        best: Index into ``labels`` of the one with the highest tau; -1 where none fits the budgets.
        tau: Its tau, failures counted as 0; NaN where none fits.
        near: (labels, query, init): which others lie within one standard error of the best one's
            mean. All of them where that error is unknown, as with single trials.
    """

    title: str
    labels: tuple[str, ...]
    best: NDArray[np.intp]
    tau: FloatArray
    near: NDArray[np.bool_]

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Where every other predictor that fits is worse by more than one standard error."""
        return (self.best >= 0) & ~self.near.any(axis=0)

    def winners(self) -> list[int]:
        """Return indices of the predictors that are best somewhere, largest area first."""
        counts = np.bincount(self.best[self.best >= 0], minlength=len(self.labels))
        return [int(i) for i in np.argsort(-counts, kind="stable") if counts[i] > 0]


def region_maps(panels: Sequence[TimePanel], grid: TimeGrid) -> list[RegionMap]:
    """Return a map per task and, if there are several, first that of the mean over all tasks.

    At a pair of budgets each predictor stands with the highest mean tau that it reached within
    both. The mean over tasks takes the predictors that fit the budgets on every task.

    Args:
        panels: At least one.
        grid: The budgets.
    """
    labels = tuple(sorted({label for panel in panels for label in panel.label}))
    measured = [_reached(panel, labels, grid) for panel in panels]
    maps = [
        _map(panel.task, labels, tau, error) for panel, (tau, error) in zip(panels, measured, strict=True)
    ]
    if len(panels) == 1:
        return maps
    total: FloatArray = np.zeros_like(measured[0][0])
    squares: FloatArray = np.zeros_like(total)
    for tau, error in measured:
        total += tau
        squares += error**2
    count = len(measured)
    return [_map(f"mean of {count} tasks", labels, total / count, np.sqrt(squares) / count), *maps]


def _reached(panel: TimePanel, labels: tuple[str, ...], grid: TimeGrid) -> tuple[FloatArray, FloatArray]:
    """Highest tau of each label within each pair of budgets, and its standard error."""
    shape = (len(labels), len(grid.query), len(grid.init))
    tau, error = np.full(shape, np.nan), np.full(shape, np.nan)
    first_init = np.searchsorted(grid.init, np.where(panel.init > 0, panel.init, grid.init_zero))
    first_query = np.searchsorted(grid.query, np.where(panel.query > 0, panel.query, grid.query_zero))
    index = {label: i for i, label in enumerate(labels)}
    for i in np.argsort(panel.tau, kind="stable"):  # what is better comes later and covers what is worse
        inside = (index[panel.label[i]], slice(first_query[i], None), slice(first_init[i], None))
        tau[inside], error[inside] = panel.tau[i], panel.error[i]
    return tau, error


def _map(title: str, labels: tuple[str, ...], tau: FloatArray, error: FloatArray) -> RegionMap:
    known = np.isfinite(tau)
    ranked = np.where(known, tau, -np.inf)
    best = ranked.argmax(axis=0)
    some = known.any(axis=0)
    top = np.take_along_axis(ranked, best[None], axis=0)
    margin = np.take_along_axis(error, best[None], axis=0)
    near = known & ~(tau < top - margin)  # an unknown error separates nothing
    near &= np.arange(len(labels))[:, None, None] != best
    return RegionMap(title, labels, np.where(some, best, -1), np.where(some, top[0], np.nan), near)

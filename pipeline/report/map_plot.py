"""The map of the best predictor within two time budgets, drawn with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.report import layout, plots, text
from pipeline.report.frame import CAPTION
from pipeline.report.regions import RegionMap, TimeGrid
from pipeline.report.style import PALETTE, Style, ink_on
from pipeline.report.time_chart import TIME_TITLES, TimeAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_PALE = 0.45
"""Share of the colour where another predictor is within one standard error."""

_MOST_RIVALS = 3
_NAME, _RIVALS = 8.5, 6.5
"""Font sizes, points."""

_BOLD = 1.2
"""How much wider bold names are, with a margin."""

_LEAST = 0.001
"""Share of the map below which a region that has no room for its name stays without one."""


def draw_map(ax: Axes, found: RegionMap, grid: TimeGrid, colors: dict[str, int]) -> None:
    """Draw one map: a colour per predictor, full where it leads by more than one standard error.

    A region bears its predictor's name, and the others that are within one standard error at its
    middle; where there is no room for that, the name stands beside the map.
    """
    width, height = plots.inches(ax)
    ax.set_xlim(0, len(grid.init))
    ax.set_ylim(0, len(grid.query))
    pixels = _pixels(found, colors)
    ax.imshow(
        pixels, origin="lower", aspect="auto", interpolation="nearest", zorder=1,
        extent=(0, len(grid.init), 0, len(grid.query)),
    )  # fmt: skip
    _borders(ax, found.best)
    _axis(ax.xaxis, "init", grid.init, grid.init_zero, width)
    _axis(ax.yaxis, "query", grid.query, grid.query_zero, height)
    ax.tick_params(length=2.5, color=plots.MUTED, labelsize=plots.SMALL, labelcolor=plots.MUTED)
    for spine in ax.spines.values():
        spine.set_visible(False)
    _names(ax, found, pixels, colors, (width, height))


def map_colors(maps: Sequence[RegionMap], looks: dict[str, Style]) -> dict[str, int]:
    """Return an index into `PALETTE` per predictor that is best somewhere.

    Its own colour unless a larger neighbour has it: regions that touch are told apart.
    """
    touching: dict[str, set[str]] = {}
    areas: dict[str, int] = {}
    for found in maps:
        for winner in found.winners():
            label = found.labels[winner]
            areas[label] = areas.get(label, 0) + int(np.count_nonzero(found.best == winner))
            touching.setdefault(label, set())
        for one, other in ((found.best[1:], found.best[:-1]), (found.best[:, 1:], found.best[:, :-1])):
            meet = (one != other) & (one >= 0) & (other >= 0)
            for pair in np.unique(np.column_stack([one[meet], other[meet]]), axis=0):
                first, second = (found.labels[i] for i in pair)
                touching[first].add(second)
                touching[second].add(first)
    chosen: dict[str, int] = {}
    for label in sorted(areas, key=lambda label: (-areas[label], label)):
        around = {chosen[other] for other in touching[label] if other in chosen}
        free = [color for color in range(len(PALETTE)) if color not in around] or [looks[label].color]
        own = looks[label].color
        spread = [list(chosen.values()).count(color) for color in free]
        chosen[label] = own if own in free else free[int(np.argmin(spread))]
    return chosen


def _pixels(found: RegionMap, colors: dict[str, int]) -> NDArray[np.float64]:
    """Return the colours (query, init, RGB) in [0, 1]; white where nothing fits."""
    palette = np.array([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in PALETTE])
    own = palette[[colors.get(label, 0) for label in found.labels]]
    share = np.where(found.clear, 1.0, _PALE)[..., None]
    return np.where((found.best >= 0)[..., None], 1.0 - share * (1.0 - own[found.best]), 1.0)


def _borders(ax: Axes, best: NDArray[np.intp]) -> None:
    """White lines between regions, also between two of like colour."""
    from matplotlib.collections import LineCollection

    rows, columns = np.nonzero(best[:, 1:] != best[:, :-1])
    upright = [((column + 1, row), (column + 1, row + 1)) for row, column in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(best[1:] != best[:-1])
    level = [((column, row + 1), (column + 1, row + 1)) for row, column in zip(rows, columns, strict=True)]
    ax.add_collection(
        LineCollection([*upright, *level], colors="white", linewidths=1.4, capstyle="projecting", zorder=2)
    )


def _names(
    ax: Axes,
    found: RegionMap,
    pixels: NDArray[np.float64],
    colors: dict[str, int],
    room: tuple[float, float],
) -> None:
    """Name the regions inside them where there is room, the others in a column at the right."""
    rows, columns = found.best.shape
    wide, high = columns / room[0], rows / room[1]  # grid steps per inch
    beside: list[tuple[str, float, float]] = []
    for winner in found.winners():
        label = found.labels[winner]
        name = text.shorten(label, CAPTION)
        mask = found.best == winner
        # The larger of its two parts, clear or not, then the other, then both together.
        parts = sorted((mask & found.clear, mask & ~found.clear), key=np.count_nonzero, reverse=True)
        size = (_BOLD * layout.text_width(name, _NAME) / 72 * wide, 0.19 * high)
        spots = [spot for part in (*parts, mask) if (spot := _fit(part, size)) is not None]
        if not spots:
            if np.count_nonzero(mask) >= _LEAST * mask.size:
                beside.append((label, *_middle(mask)))
            continue
        column, row = spots[0]
        ink = ink_on(*pixels[int(row), int(column)])
        look: dict[str, Any] = {
            "color": ink,
            "ha": "center",
            "va": "center",
            "parse_math": False,
            "zorder": 4,
        }
        rivals = _rivals(found, column, row)
        below = _fit(
            mask & ~found.clear, (max(size[0], layout.text_width(rivals, _RIVALS) / 72 * wide), 0.3 * high)
        )
        if rivals and below is not None and _rivals(found, *below) == rivals:
            column, row = below
            ax.text(column, row - 0.075 * high, rivals, fontsize=_RIVALS, **look)
            row += 0.07 * high
        ax.text(column, row, name, fontsize=_NAME, fontweight="bold", **look)
    ends = layout.spread(
        np.array([row for _, _, row in beside]), 0.15 * high, 0.05 * high, rows - 0.05 * high
    )
    for (label, column, row), end in zip(beside, ends, strict=True):
        color, start = PALETTE[colors[label]], columns + 0.16 * wide
        ax.plot([column, start - 0.05 * wide], [row, end], color=plots.INK, lw=0.6, clip_on=False, zorder=5)
        ax.plot([column], [row], "o", color=plots.INK, ms=2, clip_on=False, zorder=5)
        ax.plot([start], [end], "s", color=color, ms=5, mew=0, clip_on=False)
        ax.text(
            start + 0.07 * wide, end, text.shorten(label, CAPTION),
            fontsize=_NAME - 1, color=plots.INK, va="center", parse_math=False,
        )  # fmt: skip


def _rivals(found: RegionMap, column: float, row: float) -> str:
    """Those within one standard error at one place of the map, the best first."""
    here = found.near[:, int(row), int(column)]
    names = [found.labels[i] for i in np.flatnonzero(here)]
    if not names:
        return ""
    more = f" +{len(names) - _MOST_RIVALS}" if len(names) > _MOST_RIVALS else ""
    return f"≈ {', '.join(names[:_MOST_RIVALS])}{more}"


def _fit(mask: NDArray[np.bool_], size: tuple[float, float]) -> tuple[float, float] | None:
    """Return the middle (column, row) of the box of that size deepest inside the mask; None if none fits."""
    wide, high = (max(1, math.ceil(side)) for side in size)
    rows, columns = mask.shape
    if wide > columns or high > rows:
        return None
    sums = np.pad(mask.cumsum(axis=0, dtype=np.int64).cumsum(axis=1), ((1, 0), (1, 0)))
    counts = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    inside = counts == wide * high
    if not inside.any():
        return None
    depth = np.where(
        inside, _depth(mask)[high // 2 :, wide // 2 :][: inside.shape[0], : inside.shape[1]], -1.0
    )
    deep = np.argwhere(depth >= 0.97 * depth.max())  # a strip is deepest all along: take its middle
    row, column = deep[np.abs(deep - np.median(deep, axis=0)).sum(axis=1).argmin()]
    return float(column + wide / 2), float(row + high / 2)


def _middle(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the column and row of the mask that lie deepest inside it."""
    row, column = np.unravel_index(_depth(mask).argmax(), mask.shape)
    return float(column) + 0.5, float(row) + 0.5


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the distance of each step of the grid from what is outside the mask or the frame."""
    from scipy.ndimage import distance_transform_cdt

    distance: NDArray[np.int32] = distance_transform_cdt(np.pad(mask, 1))
    return distance[1:-1, 1:-1]


def _axis(axis: Axis, which: TimeAxis, budgets: NDArray[np.float64], zero: float, room: float) -> None:
    """Name round times along an axis of ``room`` inches; "0" where settings stand that need none."""
    low, high = float(budgets[0]), float(budgets[-1])
    ticks = layout.time_ticks(low, high) if zero < low else [(zero, "0"), *layout.time_ticks(zero * 4, high)]
    share = np.log(np.array([value for value, _ in ticks]) / low) / np.log(high / low)
    kept = layout.thin(share * room, 0.5 if which == "init" else 0.2)
    axis.set_ticks(share[kept] * len(budgets), [ticks[i][1] for i in kept])
    axis.set_label_text(f"most {TIME_TITLES[which]} (log scale)", fontsize=8, color=plots.MUTED)

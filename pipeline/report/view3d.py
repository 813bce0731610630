"""Both times and tau in one view, drawn with matplotlib: figure 2 of White et al. (NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.report import layout, plots, text
from pipeline.report.curves import FloatArray, TimePanel
from pipeline.report.frame import CAPTION, TauRange
from pipeline.report.style import MARKERS, PALETTE, Style
from pipeline.report.time_chart import TIME_TITLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d import Axes3D

_VIEW = (19.0, -58.0)
"""Elevation and azimuth, degrees: both time axes and the rise of tau are seen."""

_SIDE = 1.3
"""Inches for names at either side."""


def draw_view(
    figure: Figure,
    box: tuple[float, float, float, float],
    panel: TimePanel,
    looks: dict[str, Style],
    tau: TauRange,
) -> None:
    """Draw one task: a point, a line or a net per predictor, each named at a side.

    Solid markers are on the Pareto front and stand on a stem. A predictor swept along one budget
    is a line, one swept along both a net, as far as its settings were measured.

    Args:
        figure: Where to draw.
        box: Left, bottom, width and height of everything, inches.
        panel: The settings.
        looks: Style per predictor.
        tau: The tau axis.
    """
    from mpl_toolkits.mplot3d import Axes3D
    from mpl_toolkits.mplot3d.art3d import Line3DCollection

    wide, high = figure.get_size_inches()
    left, bottom, width, height = box
    room = (left + _SIDE, bottom + 0.2, width - 2 * _SIDE, height - 0.2)
    ax = Axes3D(figure, (room[0] / wide, room[1] / high, room[2] / wide, room[3] / high))
    figure.add_axes(ax)
    ax.set_box_aspect((1.25, 1.25, 1.0), zoom=1.0)
    ax.view_init(*_VIEW)
    ax.set_facecolor("none")
    x, y = _axis(ax, "init", panel.init), _axis(ax, "query", panel.query)
    ax.set_zlim(tau.low, tau.high)
    ax.set_zticks(list(tau.ticks), [f"{value:.1f}".replace("-", "−") for value in tau.ticks])
    ax.set_zlabel("Kendall tau", fontsize=8, color=plots.MUTED, labelpad=-2)
    ax.tick_params(labelsize=plots.SMALL - 0.5, labelcolor=plots.MUTED, pad=-1)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0.97, 0.97, 0.96, 1.0))
        axis.line.set_color(plots.GRID)
    names = np.array(panel.label, dtype=object)
    anchors, stems = {}, []
    for name in sorted(looks.keys() & set(panel.label)):
        mine = np.flatnonzero(names == name)
        color, marker = PALETTE[looks[name].color], MARKERS[looks[name].marker]
        for line in _lines(panel, mine):
            ax.plot(x[line], y[line], panel.tau[line], color=color, lw=0.9, alpha=0.55)
        off, on = mine[~panel.front[mine]], mine[panel.front[mine]]
        ax.plot(x[off], y[off], panel.tau[off], marker, mfc="white", mec=color, ms=3.5, mew=0.8, alpha=0.7)
        ax.plot(x[on], y[on], panel.tau[on], marker, color=color, ms=4.5, mew=0)
        stems += [(((x[i], y[i], tau.low), (x[i], y[i], panel.tau[i])), color) for i in on]
        anchors[name] = mine[panel.tau[mine].argmax()]
    lines, colors = [line for line, _ in stems], [color for _, color in stems]
    ax.add_collection3d(Line3DCollection(lines, colors=colors, linewidths=0.5, alpha=0.35), autolim=False)
    found = np.array(list(anchors.values()), dtype=np.intp)
    _name(figure, ax, list(anchors), (x[found], y[found], panel.tau[found]), looks, box)


def _axis(ax: Axes3D, which: str, times: FloatArray) -> FloatArray:
    """Set up a logarithmic time axis, which matplotlib lacks in three dimensions; return positions."""
    floor = layout.log_floor(times)
    shown = np.where(times > 0, times, floor)
    low, high = float(shown.min()) / 1.7, max(float(shown.max()), float(shown.min()) * 10) * 1.7
    zero = bool((times <= 0).any())
    ticks = layout.time_ticks(floor * 4 if zero else low, high)
    ticks = [(floor, "0"), *ticks] if zero else ticks
    at = np.log10(np.array([value for value, _ in ticks]))
    kept = layout.thin(at, np.log10(high / low) / 7)
    first = which == "init"
    put_limits, put_ticks = (ax.set_xlim, ax.set_xticks) if first else (ax.set_ylim, ax.set_yticks)
    title, put_label = TIME_TITLES["init" if first else "query"], ax.set_xlabel if first else ax.set_ylabel
    put_limits(np.log10(low), np.log10(high))
    put_ticks(at[kept], [ticks[i][1] for i in kept])
    put_label(f"{title} (log scale)", fontsize=8, color=plots.MUTED, labelpad=0)
    return np.log10(shown)


def _lines(panel: TimePanel, mine: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Positions to join: along training sizes at each number of epochs, and the other way round."""
    for along, fixed in ((panel.train_size, panel.epochs), (panel.epochs, panel.train_size)):
        for value in np.unique(fixed[mine]):
            line = mine[fixed[mine] == value]
            if len(np.unique(along[line])) > 1:
                yield line[np.argsort(along[line], kind="stable")]


def _name(
    figure: Figure,
    ax: Axes3D,
    names: list[str],
    anchors: tuple[FloatArray, FloatArray, FloatArray],
    looks: dict[str, Style],
    box: tuple[float, float, float, float],
) -> None:
    """Name the predictors in two columns, each with a line to its best point."""
    from matplotlib.lines import Line2D
    from mpl_toolkits.mplot3d import proj3d

    figure_wide, figure_high = figure.get_size_inches()
    left, bottom, width, height = box
    ax.apply_aspect()
    flat_x, flat_y, _ = proj3d.proj_transform(*anchors, ax.get_proj())
    pixels = ax.transData.transform(np.column_stack([flat_x, flat_y]))
    inches = figure.dpi_scale_trans.inverted().transform(pixels)
    order = np.argsort(inches[:, 0], kind="stable")
    halves = (order[: len(order) // 2], order[len(order) // 2 :])
    for half, start, side in zip(halves, (left + _SIDE, left + width - _SIDE), (-1, 1), strict=True):
        places = layout.spread(inches[half, 1], 0.16, bottom + 0.15, bottom + height - 0.35)
        for i, place in zip(half, places, strict=True):
            look = looks[names[i]]
            color = PALETTE[look.color]
            ends = ([inches[i, 0], start], [inches[i, 1], place])
            figure.add_artist(
                Line2D(
                    np.array(ends[0]) / figure_wide, np.array(ends[1]) / figure_high,
                    color=color, lw=0.5, alpha=0.6,
                )
            )  # fmt: skip
            spot = (start + side * 0.06, place)
            figure.add_artist(
                Line2D(
                    [spot[0] / figure_wide], [spot[1] / figure_high],
                    marker=MARKERS[look.marker], color=color, ms=4, mew=0,
                )
            )  # fmt: skip
            figure.text(
                (spot[0] + side * 0.08) / figure_wide, place / figure_high, text.shorten(names[i], CAPTION),
                fontsize=plots.SMALL, color=plots.INK, va="center", ha="left" if side > 0 else "right",
                parse_math=False,
            )  # fmt: skip

"""Single panels drawn with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.report import layout, text
from pipeline.report.curve_chart import AXIS_TITLES
from pipeline.report.curves import BudgetAxis, CurvePanel, Line, TimePanel, front_names
from pipeline.report.frame import CAPTION, TauRange
from pipeline.report.style import FAMILIES, MARKERS, PALETTE, Style
from pipeline.report.time_chart import TIME_TITLES, TimeAxis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#16191f", "#5b6270", "#e4e5e0"
SMALL = 7.5
"""Font size of labels and ticks, points."""

LABEL_GAP = 0.135
"""Inches between two labels beside a panel."""


_MOST_BANDS = 12
"""With more lines than this their bands hide one another and are left out."""


def caption_width(captions: list[str]) -> float:
    """Return the inches that labels beside a panel take, with their markers."""
    return 0.3 + max(layout.text_width(text.shorten(caption, CAPTION), SMALL) for caption in captions) / 72


def family_legend(figure: Figure, summary: pd.DataFrame, looks: dict[str, Style]) -> None:
    """Name the colours of `pipeline.report.style.family_styles` in a line at the top of a figure."""
    from matplotlib.lines import Line2D

    colors = {
        str(family): looks[str(label)].color
        for label, family in zip(summary["label"], summary["family"].fillna("other"), strict=True)
    }
    known = [family for family in FAMILIES if family in colors]
    names = [*known, *sorted(set(colors) - set(known))]
    handles = [Line2D([], [], marker="o", ls="", color=PALETTE[colors[name]], ms=5, mew=0) for name in names]
    figure.legend(
        handles, [name.replace("_", " ") for name in names], loc="upper left", ncols=len(names),
        frameon=False, fontsize=8, labelcolor=INK, handletextpad=0.1, columnspacing=1.2, borderaxespad=0.3,
    )  # fmt: skip


def draw_curves(
    ax: Axes, panel: CurvePanel, axis: BudgetAxis, looks: dict[str, Style], tau: TauRange
) -> None:
    """Draw one task's lines, with their names at the ends and their 95 % bands if they are few."""
    sizes = np.unique(np.concatenate([line.x for line in panel.lines]))
    spare = (sizes[-1] / sizes[0]) ** 0.025 if len(sizes) > 1 else 2.0
    low, high = float(sizes[0] / spare), float(sizes[-1] * spare)
    _prepare(ax, (low, high), tau)
    width, height = inches(ax)
    ax.set_xlabel(AXIS_TITLES[axis], fontsize=8, color=MUTED)
    kept = layout.thin(np.log(sizes / low) / np.log(high / low) * width, 0.28)
    ax.set_xticks(sizes[kept], [f"{size:.0f}" for size in sizes[kept]])
    ends = [_end(line, tau.low) for line in panel.lines] + [value for _, value in panel.references]
    gap = LABEL_GAP / height * (tau.high - tau.low)
    places = layout.spread(np.array(ends), gap, tau.low + gap / 4, tau.high)
    names = [(line.label, line.caption) for line in panel.lines] + [
        (label, label) for label, _ in panel.references
    ]
    for line in panel.lines:
        _draw_line(ax, line, looks[line.label], tau.low)
        if len(panel.lines) <= _MOST_BANDS:
            under, over = (np.clip(edge, tau.low, tau.high) for edge in (line.low, line.high))
            color = PALETTE[looks[line.label].color]
            ax.fill_between(line.x, under, over, color=color, alpha=0.12, lw=0, zorder=1.5)
    for label, value in panel.references:
        ax.axhline(value, color=PALETTE[looks[label].color], linewidth=1, dashes=(5, 4))
    for (label, caption), end, place in zip(names, ends, places, strict=True):
        look = looks[label]
        color, marker = PALETTE[look.color], MARKERS[look.marker]
        side = ax.get_yaxis_transform()
        start, column = 1.0, 1 + 0.16 / width
        ax.plot(
            [start, column - 0.05 / width],
            [end, place],
            color=color,
            lw=0.6,
            alpha=0.5,
            transform=side,
            clip_on=False,
        )
        ax.plot([column], [place], marker, color=color, ms=4, mew=0, transform=side, clip_on=False)
        ax.text(
            column + 0.07 / width, place, text.shorten(caption, CAPTION),
            fontsize=SMALL, color=INK, va="center", transform=side, parse_math=False,
        )  # fmt: skip


def draw_times(ax: Axes, panel: TimePanel, axis: TimeAxis, looks: dict[str, Style], tau: TauRange) -> None:
    """Draw one task's settings against a time; solid markers are on the Pareto front."""
    times = panel.init if axis == "init" else panel.query
    zero = bool((times <= 0).any())
    floor = layout.log_floor(times)
    shown = np.where(times > 0, times, floor)
    low, high = float(shown.min()) / 1.7, max(float(shown.max()), float(shown.min()) * 10) * 1.7
    _prepare(ax, (low, high), tau)
    width, height = inches(ax)
    ax.set_xlabel(f"{TIME_TITLES[axis]} (log scale)", fontsize=8, color=MUTED)
    ticks = layout.time_ticks(floor * 4 if zero else low, high)
    ticks = [(floor, "0"), *ticks] if zero else ticks
    x = np.log(shown / low) / np.log(high / low) * width
    at = np.log(np.array([value for value, _ in ticks]) / low) / np.log(high / low) * width
    kept = layout.thin(at, 0.48)
    ax.set_xticks([ticks[i][0] for i in kept], [ticks[i][1] for i in kept])
    order = np.lexsort((-panel.tau, shown))
    best = np.maximum.accumulate(panel.tau[order])
    ax.step(
        [*shown[order], high],
        [*best, best[-1]],
        where="post",
        color=MUTED,
        lw=0.9,
        ls=(0, (1.5, 2)),
        zorder=1,
    )
    names = np.array(panel.label, dtype=object)
    for name in sorted(set(panel.label)):
        mine = np.flatnonzero(names == name)
        mine = mine[np.lexsort((panel.query[mine], panel.init[mine]))]
        color, marker = PALETTE[looks[name].color], MARKERS[looks[name].marker]
        ax.plot(shown[mine], panel.tau[mine], color=color, lw=0.6, alpha=0.35, zorder=2)
        off, on = mine[~panel.front[mine]], mine[panel.front[mine]]
        ax.plot(
            shown[off], panel.tau[off], marker, mfc="white", mec=color, ms=4, mew=0.8, alpha=0.45, zorder=3
        )
        ax.plot(shown[on], panel.tau[on], marker, color=color, ms=4.5, mew=0, zorder=4)
    first, labels = front_names(panel)
    y = (panel.tau - tau.low) / (tau.high - tau.low) * height
    widths = [layout.text_width(label, SMALL) / 72 + 0.03 for label in labels]
    spots = layout.place_labels(x[first], y[first], widths, 0.13, (0.0, width + 0.15, 0.0, height + 0.08))
    for label, spot in zip(labels, spots, strict=True):
        if spot is not None:
            ax.text(
                spot[0] / width, spot[1] / height, label,
                fontsize=SMALL, fontweight="bold", color=INK, va="center",
                transform=ax.transAxes, parse_math=False,
            )  # fmt: skip


def inches(ax: Axes) -> tuple[float, float]:
    """Return width and height of a panel, inches."""
    box, figure = ax.get_position(), ax.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    return float(box.width * width), float(box.height * height)


def _draw_line(ax: Axes, line: Line, look: Style, bottom: float) -> None:
    color, marker = PALETTE[look.color], MARKERS[look.marker]
    ax.plot(line.x, line.mean, color=color, lw=1.3)
    whole = np.isfinite(line.mean) & ~line.failed
    some = np.isfinite(line.mean) & line.failed
    none = ~np.isfinite(line.mean)
    ax.plot(line.x[whole], line.mean[whole], marker, color=color, ms=4, mew=0)
    ax.plot(line.x[some], line.mean[some], marker, mfc="white", mec=color, ms=4, mew=1)
    ax.plot(line.x[none], np.full(none.sum(), bottom), "X", color=color, ms=5, mew=0, clip_on=False)


def _prepare(ax: Axes, x_range: tuple[float, float], tau: TauRange) -> None:
    ax.set_xscale("log")
    ax.set_xlim(*x_range)
    ax.set_ylim(tau.low, tau.high)
    ax.set_yticks(list(tau.ticks), [f"{value:.1f}".replace("-", "−") for value in tau.ticks])
    ax.minorticks_off()
    ax.grid(color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.axhline(0, color="#868d99", linewidth=0.7)
    ax.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED)
    ax.set_ylabel("Kendall tau", fontsize=8, color=MUTED)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _end(line: Line, bottom: float) -> float:
    known = line.mean[np.isfinite(line.mean)]
    return float(known[-1]) if known.size else bottom

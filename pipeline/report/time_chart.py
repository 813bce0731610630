"""Tau against a time as inline SVG, with the Pareto front of both times and tau."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.report import layout, svg, text
from pipeline.report.curves import TimePanel, front_names
from pipeline.report.frame import TOP, WIDTH, Frame, TauRange, series
from pipeline.report.style import Style

TimeAxis = Literal["init", "query"]
TIME_TITLES: dict[TimeAxis, str] = {"init": "initialisation time", "query": "query time per architecture"}

_EXPLAINED = 300
"""With more points than this only those of the front are explained: keeps the page small."""


def time_chart(panel: TimePanel, axis: TimeAxis, styles: dict[str, Style], tau: TauRange) -> str:
    """Return the SVG of one task and one time.

    Solid markers are on the Pareto front of initialisation time, query time and tau; the others
    are hollow. Settings of one predictor are joined. The step line is the best tau within a time,
    whatever the other time. A time of 0 stands a decade left of the smallest positive one.
    """
    times = panel.init if axis == "init" else panel.query
    zero = bool((times <= 0).any())
    floor = layout.log_floor(times)
    shown = np.where(times > 0, times, floor)
    low, high = float(shown.min()) / 1.7, max(float(shown.max()), float(shown.min()) * 10) * 1.7
    frame = Frame.fit((low, high), tau, 16.0, 290.0)
    ticks = layout.time_ticks(floor * 4 if zero else low, high)
    ticks = [(floor, "0"), *ticks] if zero else ticks
    body = frame.grid(tau, f"{TIME_TITLES[axis]} (log scale)")
    body += frame.ticks([value for value, _ in ticks], [name for _, name in ticks], 44.0)
    x, y = frame.x(shown), frame.y(panel.tau)
    body.append(_steps(x, y, frame.x.end))
    names = np.array(panel.label, dtype=object)
    few = len(names) <= _EXPLAINED
    for name in sorted(set(panel.label)):
        mine = np.flatnonzero(names == name)
        mine = mine[np.lexsort((panel.query[mine], panel.init[mine]))]
        shape, front = styles[name].marker, panel.front[mine]
        parts = [svg.polyline(x[mine], y[mine], "path"), '<g class="off">']
        parts += [_point(panel, int(i), x, y, shape, explain=few) for i in mine[~front]]
        parts.append("</g>")
        parts += [_point(panel, int(i), x, y, shape, explain=True) for i in mine[front]]
        body.append(series(name, styles, parts))
    body += _front_labels(panel, x, y, frame, styles)
    title = f"Kendall tau against {TIME_TITLES[axis]} on {panel.task}; the Pareto front is listed below"
    return svg.document(WIDTH, frame.height, title, body)


def _point(
    panel: TimePanel, i: int, x: NDArray[np.float64], y: NDArray[np.float64], shape: int, *, explain: bool
) -> str:
    return svg.marker(float(x[i]), float(y[i]), shape, "", _note(panel, i) if explain else "")


def _note(panel: TimePanel, i: int) -> str:
    front = "; on the Pareto front" if panel.front[i] else ""
    times = f"init {text.seconds(panel.init[i])}, query {text.seconds(panel.query[i])}"
    return f"{panel.caption[i]}: tau {text.tau(panel.tau[i])}, {times}{front}"


def _steps(x: NDArray[np.float64], y: NDArray[np.float64], end: float) -> str:
    """The best tau reached up to each time (pixels: smaller y is better)."""
    order = np.lexsort((y, x))
    best = np.minimum.accumulate(y[order])
    rises = np.flatnonzero(np.diff(best, prepend=np.inf) < 0)
    corners_x, corners_y = x[order][rises], best[rises]
    path_x = np.append(np.repeat(corners_x, 2)[1:], end)
    return svg.polyline(path_x, np.repeat(corners_y, 2), "steps")


def _front_labels(
    panel: TimePanel, x: NDArray[np.float64], y: NDArray[np.float64], frame: Frame, styles: dict[str, Style]
) -> list[str]:
    """Name each predictor of the front once, at its best point there, where there is room."""
    order, names = front_names(panel)
    widths = [layout.text_width(name) + 3 for name in names]
    bounds = (frame.x.start, WIDTH, TOP - 8, frame.y.start)
    spots = layout.place_labels(x[order], y[order], widths, 12.0, bounds)
    return [
        series(name, styles, [svg.label(spot[0], spot[1] + 3.8, name, "name halo")])
        for name, spot in zip(names, spots, strict=True)
        if spot is not None
    ]

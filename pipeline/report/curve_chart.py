"""Tau along a budget as inline SVG: a line and a band per predictor, named at its end."""

from __future__ import annotations

import numpy as np

from pipeline.report import layout, svg, text
from pipeline.report.curves import BudgetAxis, CurvePanel, Line
from pipeline.report.frame import CAPTION, TOP, WIDTH, Frame, TauRange, end_label, series
from pipeline.report.style import Style

AXIS_TITLES: dict[BudgetAxis, str] = {
    "train_size": "training architectures (log scale)",
    "epochs": "epochs of partial training per query (log scale)",
}
_GAP = 13.5
_LEAD = 18.0
_CROSS = 6


def curve_chart(panel: CurvePanel, axis: BudgetAxis, styles: dict[str, Style], tau: TauRange) -> str:
    """Return the SVG of one task. Budgets at which no trial succeeded are crosses on the axis."""
    captions = [line.caption for line in panel.lines] + [label for label, _ in panel.references]
    plot_height = max(270.0, _GAP * len(captions) + 10)
    right = _LEAD + 14 + max(layout.text_width(text.shorten(caption, CAPTION)) for caption in captions)
    sizes = np.unique(np.concatenate([line.x for line in panel.lines]))
    spare = (sizes[-1] / sizes[0]) ** 0.025 if len(sizes) > 1 else 2.0
    frame = Frame.fit((float(sizes[0]) / spare, float(sizes[-1]) * spare), tau, right, plot_height)
    ends = [_end(line, tau.low) for line in panel.lines] + [value for _, value in panel.references]
    places = layout.spread(frame.y(np.array(ends)), _GAP, TOP + 4, TOP + plot_height - 2)
    body = frame.grid(tau, AXIS_TITLES[axis])
    body += frame.ticks(sizes.tolist(), [f"{size:.0f}" for size in sizes], 26.0)
    column = frame.x.end + _LEAD
    for line in panel.lines:  # all bands first: none may hide another predictor's line
        x, low, high = frame.x(line.x), *(np.clip(end, tau.low, tau.high) for end in (line.low, line.high))
        body.append(series(line.label, styles, [svg.band(x, frame.y(low), frame.y(high))]))
    for (label, value), place in zip(panel.references, places[len(panel.lines) :], strict=True):
        y = frame.y.at(value)
        parts = [
            svg.rule(frame.x.start, y, frame.x.end, y, "ref"),
            svg.rule(frame.x.end, y, column - 6, float(place), "lead"),
            *end_label(column, float(place), label, styles[label].marker),
        ]
        body.append(series(label, styles, parts))
    for line, place in zip(panel.lines, places[: len(panel.lines)], strict=True):
        shape = styles[line.label].marker
        parts = [*_drawn(line, frame, shape, column, float(place))]
        parts += end_label(column, float(place), line.caption, shape)
        body.append(series(line.label, styles, parts))
    title = f"Kendall tau against {AXIS_TITLES[axis]} on {panel.task} for {len(captions)} predictors"
    return svg.document(WIDTH, frame.height, title, body)


def _drawn(line: Line, frame: Frame, shape: int, column: float, place: float) -> list[str]:
    x, y = frame.x(line.x), frame.y(line.mean)
    parts = [svg.polyline(x, y, "hit"), svg.polyline(x, y, "line")]
    known = np.flatnonzero(np.isfinite(y))
    if known.size:
        last = known[-1]
        parts.append(svg.rule(float(x[last]), float(y[last]), column - 6, place, "lead"))
    for i, note in enumerate(line.notes):
        if np.isfinite(y[i]):
            css = "dot hollow" if line.failed[i] else "dot"
            parts.append(svg.marker(float(x[i]), float(y[i]), shape, css, note))
        else:
            parts.append(svg.marker(float(x[i]), frame.y.start, _CROSS, "dot", note))
    return parts


def _end(line: Line, bottom: float) -> float:
    known = line.mean[np.isfinite(line.mean)]
    return float(known[-1]) if known.size else bottom

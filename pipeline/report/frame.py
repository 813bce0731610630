"""What the figures of the page share: the plot area with its tau axis, and one group per predictor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from pipeline.report import layout, svg, text
from pipeline.report.style import Style

WIDTH = 580.0
TOP = 10.0
CAPTION = 34
"""Most characters of a predictor's name in a figure."""

_LEFT, _BOTTOM = 46.0, 44.0


@dataclass(frozen=True, slots=True)
class TauRange:
    """The tau axis, the same for all panels of a figure.

    Attributes:
        low: Value at the bottom, a round tenth of at most 0.
        high: Value at the top, a round tenth.
        ticks: Values with grid lines.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[NDArray[np.float64]]) -> TauRange:
        """Return the range that holds all finite values; what lies beyond is cut at the frame."""
        joined = np.concatenate([*values, np.zeros(1)])
        joined = joined[np.isfinite(joined)]
        low, high, ticks = layout.nice_range(float(joined.min()), float(joined.max()))
        return cls(low, high, tuple(ticks))


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot area: both axes and the height of the whole figure, in pixels."""

    x: svg.Axis
    y: svg.Axis
    height: float

    @classmethod
    def fit(cls, x_range: tuple[float, float], tau: TauRange, right: float, plot_height: float) -> Frame:
        """Return a frame with a logarithmic x axis and ``right`` pixels beside it."""
        x = svg.Axis(x_range[0], x_range[1], _LEFT, WIDTH - right, log=True)
        y = svg.Axis(tau.low, tau.high, TOP + plot_height, TOP)
        return cls(x, y, TOP + plot_height + _BOTTOM)

    def grid(self, tau: TauRange, x_title: str) -> list[str]:
        """Return the horizontal grid with its values and the titles of both axes."""
        parts = []
        for value in tau.ticks:
            y = self.y.at(value)
            parts.append(svg.rule(self.x.start, y, self.x.end, y, "grid zero" if value == 0 else "grid"))
            parts.append(svg.label(self.x.start - 7, y + 3.8, f"{value:.1f}".replace("-", "−"), "tick end"))
        middle = (self.x.start + self.x.end) / 2
        parts.append(svg.label(middle, self.height - 6, x_title, "axis mid"))
        turned = f'<g transform="rotate(-90 11 {(TOP + self.y.start) / 2:.1f})">'
        parts.append(turned + svg.label(11, (TOP + self.y.start) / 2, "Kendall tau", "axis mid") + "</g>")
        return parts

    def ticks(self, values: Sequence[float], names: Sequence[str], gap: float) -> list[str]:
        """Return vertical grid lines at all values, named where there is room."""
        positions = self.x(np.array(values, dtype=np.float64))
        parts = [svg.rule(float(x), self.y.end, float(x), self.y.start, "grid faint") for x in positions]
        for i in layout.thin(positions, gap):
            parts.append(svg.label(float(positions[i]), self.y.start + 16, names[i], "tick mid"))
        return parts


def series(label: str, styles: dict[str, Style], parts: Sequence[str]) -> str:
    """Return one predictor's group: coloured by class, found by the page's script by its name."""
    return f'<g class="s c{styles[label].color}" data-s="{escape(label)}">{"".join(parts)}</g>'


def end_label(x: float, y: float, caption: str, shape: int) -> list[str]:
    """Return a marker and the predictor's name beside it."""
    return [svg.marker(x, y, shape, "dot"), svg.label(x + 8, y + 3.8, text.shorten(caption, CAPTION), "name")]

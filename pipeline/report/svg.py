"""Small drawing vocabulary for inline SVG: axes, lines, bands, markers, text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Marker outlines around (0, 0), in the order of pipeline.report.style.MARKERS; equal visual weight.
_MARKERS = (
    "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0z",
    "M-3,-3h6v6h-6z",
    "M0,-4L3.7,2.7H-3.7z",
    "M0,-4.2L4.2,0L0,4.2L-4.2,0z",
    "M0,4L3.7,-2.7H-3.7z",
    "M0,-3.9L3.7,-1.2L2.3,3.2H-2.3L-3.7,-1.2z",
    "M-3.6,-2L-2,-3.6L0,-1.6L2,-3.6L3.6,-2L1.6,0L3.6,2L2,3.6L0,1.6L-2,3.6L-3.6,2L-1.6,0z",
    "M-1.4,-3.8h2.8v2.4h2.4v2.8h-2.4v2.4h-2.8v-2.4h-2.4v-2.8h2.4z",
)


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear or logarithmic map from data to pixels.

    Attributes:
        low: Data value at ``start``; positive if logarithmic.
        high: Data value at ``end``.
        start: Pixel of ``low``.
        end: Pixel of ``high``.
        log: Whether equal ratios take equal space.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, values: FloatArray) -> FloatArray:
        """Return pixel positions."""
        if self.log:
            share = np.log(values / self.low) / math.log(self.high / self.low)
        else:
            share = (values - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def at(self, value: float) -> float:
        """Return the pixel position of one value."""
        return float(self(np.array([value]))[0])


def definitions() -> str:
    """Return the hidden SVG that defines the markers ``m0`` .. ``m7`` once per page."""
    shapes = "".join(f'<path id="m{i}" d="{path}"/>' for i, path in enumerate(_MARKERS))
    return f'<svg width="0" height="0" class="defs" aria-hidden="true"><defs>{shapes}</defs></svg>'


def document(width: float, height: float, title: str, body: Sequence[str]) -> str:
    """Return one accessible SVG element that scales with its box."""
    return (
        f'<svg class="chart" viewBox="0 0 {_num(width)} {_num(height)}" role="img" '
        f'aria-label="{escape(title)}">{"".join(body)}</svg>'
    )


def polyline(x: FloatArray, y: FloatArray, css: str) -> str:
    """Return a path through the finite points, broken at gaps."""
    commands, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if not math.isfinite(b):
            pen = "M"
            continue
        commands.append(f"{pen}{_num(a)},{_num(b)}")
        pen = "L"
    return f'<path class="{css}" d="{"".join(commands)}"/>' if commands else ""


def band(x: FloatArray, low: FloatArray, high: FloatArray) -> str:
    """Return the area between two curves, one part per run of at least two finite points."""
    known = np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    parts = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first < 2:
            continue
        there = [f"{_num(x[i])},{_num(high[i])}" for i in range(first, last)]
        back = [f"{_num(x[i])},{_num(low[i])}" for i in range(last - 1, first - 1, -1)]
        parts.append("M" + "L".join(there + back) + "z")
    return f'<path class="band" d="{"".join(parts)}"/>' if parts else ""


def marker(x: float, y: float, shape: int, css: str = "", note: str = "") -> str:
    """Return a marker; ``note`` appears when the pointer rests on it."""
    use = f'<use href="#m{shape}" x="{_num(x)}" y="{_num(y)}"' + (f' class="{css}"' if css else "")
    return f"{use}><title>{escape(note)}</title></use>" if note else f"{use}/>"


def label(x: float, y: float, content: str, css: str) -> str:
    """Return one line of text; its style, anchor included, comes from ``css``."""
    return f'<text x="{_num(x)}" y="{_num(y)}" class="{css}">{escape(content)}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a straight line."""
    return f'<line x1="{_num(x1)}" y1="{_num(y1)}" x2="{_num(x2)}" y2="{_num(y2)}" class="{css}"/>'


def _num(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

"""Where ticks and labels go, whatever draws them: the page's SVG or matplotlib."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_TIMES = (
    (1e-6, "1 µs"), (1e-5, "10 µs"), (1e-4, "0.1 ms"), (1e-3, "1 ms"), (1e-2, "10 ms"), (0.1, "0.1 s"),
    (1.0, "1 s"), (10.0, "10 s"), (60.0, "1 min"), (600.0, "10 min"), (3600.0, "1 h"), (86400.0, "1 d"),
    (864e3, "10 d"), (864e4, "100 d"), (864e5, "1000 d"),
)  # fmt: skip
_BETWEEN = (
    (3e-6, "3 µs"), (3e-5, "30 µs"), (3e-4, "0.3 ms"), (3e-3, "3 ms"), (0.03, "30 ms"), (0.3, "0.3 s"),
    (3.0, "3 s"), (30.0, "30 s"), (180.0, "3 min"), (1800.0, "30 min"), (10800.0, "3 h"), (36000.0, "10 h"),
    (2592e2, "3 d"), (2592e3, "30 d"), (2592e4, "300 d"),
)  # fmt: skip


def text_width(content: str, size: float = 11.0) -> float:
    """Return a generous estimate of the width of ``content`` in a system font."""
    cells = sum(1.8 if unicodedata.east_asian_width(char) in "WF" else 1.0 for char in content)
    return 0.56 * size * cells


def spread(wanted: FloatArray, gap: float, low: float, high: float) -> FloatArray:
    """Return positions at least ``gap`` apart inside [low, high], as near to ``wanted`` as can be.

    The least-squares solution by isotonic regression; the order of ``wanted`` is kept. If they do
    not all fit, the gap shrinks evenly.
    """
    from scipy.optimize import isotonic_regression

    n = len(wanted)
    if n == 0:
        return wanted.astype(np.float64)
    step = min(gap, (high - low) / max(n - 1, 1))
    order = np.argsort(wanted, kind="stable")
    offsets = step * np.arange(n)
    fitted = isotonic_regression(wanted[order] - offsets).x
    placed = np.empty(n)
    placed[order] = np.clip(fitted, low, high - offsets[-1]) + offsets
    return placed


def nice_range(low: float, high: float) -> tuple[float, float, list[float]]:
    """Return a range of tau on round tenths that holds ``low``, ``high`` and 0, and its ticks."""
    bottom = math.floor(min(low, 0.0) * 10 + 1e-9)
    top = max(math.ceil(high * 10 - 1e-9), bottom + 2, 0)
    step = 1 if top - bottom <= 8 else 2
    ticks = [i / 10 for i in range(bottom, top + 1) if i % step == 0]
    return bottom / 10, top / 10, ticks


def thin(positions: FloatArray, gap: float) -> list[int]:
    """Return indices of rising positions that are at least ``gap`` apart, the last one included."""
    kept: list[int] = []
    for i in range(len(positions) - 1, -1, -1):
        if not kept or positions[kept[-1]] - positions[i] >= gap:
            kept.append(i)
    return kept[::-1]


def time_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return times in [low, high] seconds with human units, about a decade apart or closer if few."""
    ticks = [(value, name) for value, name in _TIMES if low <= value <= high]
    if len(ticks) >= 3:
        return ticks
    return sorted((value, name) for value, name in (*_TIMES, *_BETWEEN) if low <= value <= high)


def log_floor(values: FloatArray) -> float:
    """Return where zero is drawn on a logarithmic axis: a decade below the smallest positive value."""
    positive = values[values > 0]
    return 10.0 ** (math.floor(math.log10(float(positive.min()))) - 1) if positive.size else 0.1


def place_labels(
    x: FloatArray,
    y: FloatArray,
    widths: Sequence[float],
    height: float,
    frame: tuple[float, float, float, float],
) -> list[tuple[float, float] | None]:
    """Return the left edge and middle of each label, or None where there is no room.

    Tries the eight places around a point, in order of preference, and takes the first that lies
    in the frame and meets neither a point nor a label placed before.

    Args:
        x: Horizontal positions of all points to keep clear; the earlier ones choose first.
        y: Vertical positions, in either direction.
        widths: Widths of the labels of the first points; the other points have none.
        height: Height of a label.
        frame: Left, right, lower and upper end of where labels may be.
    """
    left, right, low, high = frame
    size = 0.35 * height
    taken = [(a - size, a + size, b - size, b + size) for a, b in zip(x, y, strict=True)]
    found: list[tuple[float, float] | None] = []
    for a, b, width in zip(x, y, widths, strict=False):
        near, beside = 0.65 * height, 0.95 * height
        starts = {"right": a + near, "left": a - near - width, "middle": a - width / 2}
        tries = [("right", 0.0), ("left", 0.0), ("middle", -beside), ("middle", beside)]
        tries += [(side, shift) for shift in (-beside, beside) for side in ("right", "left")]
        spot = None
        for side, shift in tries:
            start, middle = starts[side], b + shift
            box = (start, start + width, middle - height / 2, middle + height / 2)
            inside = left <= box[0] and box[1] <= right and low <= box[2] and box[3] <= high
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                spot = (start, middle)
                break
        found.append(spot)
    return found


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]

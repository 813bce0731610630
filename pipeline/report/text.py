"""Numbers as people read them."""

from __future__ import annotations

import math

_UNITS = (
    (1e-6, "µs", 1e-3),
    (1e-3, "ms", 1.0),
    (1.0, "s", 120.0),
    (60.0, "min", 7200.0),
    (3600.0, "h", 172800.0),
)


def tau(value: float | None, decimals: int = 3) -> str:
    """Three decimals; an en dash if unknown."""
    return f"{value:.{decimals}f}".replace("-", "−") if _known(value) else "–"


def interval(low: float | None, high: float | None) -> str:
    """``[low, high]``; empty if unknown."""
    return f"[{tau(low)}, {tau(high)}]" if _known(low) and _known(high) else ""


def seconds(value: float | None) -> str:
    """A duration given in seconds, with two or three significant digits and its unit."""
    if value is None or not math.isfinite(value):
        return "–"
    if value <= 0:
        return "0"
    for unit, name, limit in _UNITS:
        if value < limit:
            return f"{_short(value / unit)} {name}"
    return f"{_short(value / 86400)} d"


def count(value: int) -> str:
    """An integer with thousands set apart by thin spaces."""
    return f"{value:,}".replace(",", "\u202f")


def plural(number: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")


def shorten(message: str, limit: int) -> str:
    """The first ``limit`` characters, marked if there are more."""
    return message if len(message) <= limit else message[: limit - 1].rstrip() + "…"


def budget(train_size: int | None, epochs: int | None) -> str:
    """``n = 100, k = 20``: training architectures and epochs; empty if neither."""
    parts = [f"{name} = {value}" for name, value in (("n", train_size), ("k", epochs)) if value is not None]
    return ", ".join(parts)


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 99.5 else f"{number:.1f}" if number >= 9.95 else f"{number:.2g}"


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)

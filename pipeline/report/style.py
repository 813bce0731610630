"""A fixed colour and marker per predictor name, and the colour scale of Kendall's tau."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PALETTE = ("#103c83", "#bb2403", "#2b7563", "#681a43", "#0682e8", "#e28c1d", "#c540a6", "#9499a4")
"""Eight colours on white. Chosen by search so that any two stay apart under simulated protanopia,
deuteranopia and tritanopia (Machado, Oliveira and Fernandes, 2009) as well as in normal vision."""

PALETTE_DARK = ("#8373fe", "#fd7b1a", "#69f2e1", "#c43360", "#3080a8", "#f6d175", "#e691ef", "#9fa092")
"""The same eight, for dark backgrounds."""

MARKERS = ("o", "s", "^", "D", "v", "p", "X", "P")
"""Marker names, as in matplotlib."""

# Order decides colour and marker: the predictors that are most often compared come first, so that
# they differ in both.
_KNOWN = (
    "rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg", "params", "flops",
    "gcn", "bananas", "seminas", "mlp", "bonas", "nao", "dngo", "bohamiann",
    "sparse_gp", "var_sparse_gp", "gpwl", "jacov", "synflow", "snip", "grad_norm", "fisher",
    "grasp", "valacc", "valloss", "sotl", "sotle", "lce", "lce_m", "sotlema",
    "lcsvr", "omni_ngb", "omni_seminas", "oneshot", "rsws", "nwot", "zen", "epe_nas", "plain", "l2_norm",
)  # fmt: skip

_STOPS = {
    -1.0: "#8c3b0a", -0.5: "#d98a4e", 0.0: "#f6f3ea", 0.25: "#cfe3dc", 0.5: "#74b9bf",
    0.7: "#2d86ad", 0.85: "#1f5590", 1.0: "#152a5e",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """How one predictor is drawn.

    Attributes:
        color: Index into `PALETTE` and `PALETTE_DARK`.
        marker: Index into `MARKERS`.
    """

    color: int
    marker: int


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """Return a style per label; no two share both colour and marker up to 64 labels.

    Names that the study knows keep theirs in every report. Any other name starts from its hash
    and takes the next free style, in the order of the names.
    """
    slots = len(PALETTE) * len(MARKERS)
    names = sorted(set(labels))
    taken = {name: _KNOWN.index(name) for name in names if name in _KNOWN}
    free = set(range(slots)) - set(taken.values())
    for name in names:
        if name in taken:
            continue
        start = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % slots
        slot = min(free, key=lambda s: (s - start) % slots) if free else start
        free.discard(slot)
        taken[name] = slot
    return {name: _style(slot) for name, slot in taken.items()}


FAMILIES = ("model_based", "learning_curve", "zero_cost", "weight_sharing", "hybrid", "baseline")
"""Families in the order of the study; any other name comes after them."""

_FAMILY_COLORS = (0, 1, 2, 5, 6, 7, 4, 3)


def family_styles(summary: pd.DataFrame) -> dict[str, Style]:
    """Return a style per label of a summary: the colour tells its family, the marker which of them.

    For figures in which each predictor is named beside its points, so that more than eight of one
    family may repeat a marker.
    """
    members: dict[str, set[str]] = {}
    for label, family in zip(summary["label"], summary["family"].fillna("other"), strict=True):
        members.setdefault(str(family), set()).add(str(label))
    others = sorted(set(members) - set(FAMILIES))
    order = {label: i for i, label in enumerate(_KNOWN)}
    found: dict[str, Style] = {}
    for i, family in enumerate((*FAMILIES, *others)):
        color = _FAMILY_COLORS[min(i, len(_FAMILY_COLORS) - 1)]
        ranked = sorted(members.get(family, ()), key=lambda label: (order.get(label, len(order)), label))
        found |= {label: Style(color, rank % len(MARKERS)) for rank, label in enumerate(ranked)}
    return found


def _style(slot: int) -> Style:
    row, column = divmod(slot, len(PALETTE))
    return Style(color=column, marker=(column + row) % len(MARKERS))


def heat_stops() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the colour scale of tau: positions in [-1, 1] and their sRGB values in [0, 1]."""
    colors = [[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in _STOPS.values()]
    return np.array(list(_STOPS)), np.array(colors)


def heat_color(tau: float) -> tuple[str, str]:
    """Return the background for a tau in [-1, 1] and the text colour that reads on it."""
    positions, colors = heat_stops()
    red, green, blue = (float(np.interp(tau, positions, colors[:, i])) for i in range(3))
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}", ink_on(red, green, blue)


def ink_on(red: float, green: float, blue: float) -> str:
    """Return the text colour, dark or white, that reads on an sRGB background with values in [0, 1]."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # The ink of higher contrast: both are equal where (L + .05)^2 = 1.05 * (.0085 + .05).
    return "#14171c" if luminance > 0.198 else "#ffffff"

"""The figures as PNG, drawn with matplotlib and free of its global state."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.report import layout, plots, text
from pipeline.report.curves import BudgetAxis, curve_panels, shown_values, time_panels
from pipeline.report.frame import CAPTION, TauRange
from pipeline.report.heat import Cell, heat_map
from pipeline.report.map_plot import draw_map, map_colors
from pipeline.report.regions import TimeGrid, region_maps
from pipeline.report.style import family_styles, heat_color, styles
from pipeline.report.time_chart import TIME_TITLES
from pipeline.report.view3d import draw_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEFT, _BOTTOM, _TOP = 0.58, 0.52, 0.34
_LEGEND = 0.32
"""Inches for the legend of families at the top."""


CONTENTS = {
    "tau_by_train_size.png": "tau against training size",
    "tau_by_epochs.png": "tau against epochs of partial training",
    "heat_map.png": "predictor by task",
    "tau_3d.png": "initialisation time, query time and tau in one view",
    "tau_by_time.png": "tau against either time",
    "best_by_time.png": "best predictor within both times",
}
"""What each figure shows."""


def curve_figure(summary: pd.DataFrame, axis: BudgetAxis) -> Figure | None:
    """Return tau along a budget, a panel per task; None if nothing was measured at two values."""
    panels = curve_panels(summary, axis)
    if not panels:
        return None
    captions = [line.caption for panel in panels for line in panel.lines]
    captions += [label for panel in panels for label, _ in panel.references]
    most = max(len(panel.lines) + len(panel.references) for panel in panels)
    plot = (3.1, max(2.5, plots.LABEL_GAP * most))
    columns = len(panels) if len(panels) < 4 else 3 if len(panels) > 4 else 2
    figure, axes = _grid(len(panels), columns, plot, right=0.2 + plots.caption_width(captions))
    looks, tau = styles(summary["label"]), TauRange.of(shown_values(panels))
    for panel, ax in zip(panels, axes, strict=True):
        plots.draw_curves(ax, panel, axis, looks, tau)
        _title(ax, panel.task)
    return figure


def time_figure(summary: pd.DataFrame) -> Figure | None:
    """Return tau against both times, a row per task; None if no setting has all three."""
    panels = time_panels(summary)
    if not panels:
        return None
    figure, axes = _grid(2 * len(panels), 2, (4.3, 2.6), right=0.25, head=_LEGEND)
    looks, tau = family_styles(summary), TauRange.of([panel.tau for panel in panels])
    for i, ax in enumerate(axes):
        plots.draw_times(ax, panels[i // 2], list(TIME_TITLES)[i % 2], looks, tau)
        if i % 2 == 0:
            _title(ax, panels[i // 2].task)
    plots.family_legend(figure, summary, looks)
    return figure


def view_figure(summary: pd.DataFrame) -> Figure | None:
    """Return both times and tau in three dimensions, a view per task; None as `time_figure`."""
    from matplotlib.figure import Figure

    panels = time_panels(summary)
    if not panels:
        return None
    looks, tau = family_styles(summary), TauRange.of([panel.tau for panel in panels])
    most = max(len(set(panel.label)) for panel in panels)
    columns, wide, high = min(len(panels), 2), 8.4, max(4.9, plots.LABEL_GAP * 0.65 * most + 0.8)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(wide * columns, high * rows + _LEGEND), facecolor="white")
    for i, panel in enumerate(panels):
        row, column = divmod(i, columns)
        box = (column * wide, (rows - 1 - row) * high, wide, high)
        draw_view(figure, box, panel, looks, tau)
        figure.text(
            (box[0] + 0.2) / (wide * columns), (box[1] + high - 0.14) / (high * rows + _LEGEND), panel.task,
            fontsize=9.5, fontweight="bold", color=plots.INK, va="top", parse_math=False,
        )  # fmt: skip
    plots.family_legend(figure, summary, looks)
    return figure


def region_figure(summary: pd.DataFrame) -> Figure | None:
    """Return the best predictor within two time budgets, a map per task; None as `time_figure`.

    With several tasks the first map is that of the mean over all of them.
    """
    panels = time_panels(summary)
    if not panels:
        return None
    grid = TimeGrid.of(panels)
    maps = region_maps(panels, grid)
    names = [found.labels[i] for found in maps for i in found.winners()]
    columns = min(len(maps), 2)
    figure, axes = _grid(len(maps), columns, (4.6, 3.4), right=0.2 + plots.caption_width(names), left=0.85)
    colors = map_colors(maps, styles(summary["label"]))
    for found, ax in zip(maps, axes, strict=True):
        draw_map(ax, found, grid, colors)
        _title(ax, found.title)
    return figure


def heat_map_figure(summary: pd.DataFrame) -> Figure | None:
    """Return the predictor x task matrix at the largest shared budgets; None without any row."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    heat = heat_map(summary)
    if not heat.labels:
        return None
    labels = [text.shorten(label, CAPTION) for label in heat.labels]
    rows, columns = len(labels), len(heat.tasks)
    side, head, cell_width, cell_height = 0.3 + max(map(layout.text_width, labels)) / 95, 0.72, 1.3, 0.31
    width, height = side + cell_width * columns + 0.1, head + cell_height * rows + 0.1
    figure = Figure(figsize=(width, height), facecolor="white")
    box = (side / width, 0.1 / height, cell_width * columns / width, cell_height * rows / height)
    ax = figure.add_axes(box)
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    for i, cells in enumerate(heat.cells):
        for j, cell in enumerate(cells):
            face, ink, hatched, words = _cell_look(cell)
            ax.add_patch(Rectangle((j, i), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5))
            if hatched:
                share = 1.0 if cell is None or cell.kind != "ok" else 0.12
                corner = (j + 1 - share, i)
                hatch = Rectangle(
                    corner, share, 1, facecolor="white", hatch="/////", edgecolor="#c9ccd1", linewidth=0
                )
                ax.add_patch(hatch)
            ax.text(
                j + 0.5,
                i + 0.5,
                words,
                ha="center",
                va="center",
                fontsize=plots.SMALL,
                color=ink,
                linespacing=1.0,
            )
    heads = [
        "\n".join([*task.split("/", 1), text.budget(*budget)])
        for task, budget in zip(heat.tasks, heat.budgets, strict=True)
    ]
    ax.set_xticks(np.arange(columns) + 0.5, heads, fontsize=8, color=plots.INK, parse_math=False)
    ax.set_yticks(np.arange(rows) + 0.5, labels, fontsize=8, color=plots.INK, parse_math=False)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def render_pngs(summary: pd.DataFrame) -> dict[str, bytes]:
    """Return the figures that the summary has data for: file name -> PNG."""
    drawn = {
        "tau_by_train_size.png": curve_figure(summary, "train_size"),
        "tau_by_epochs.png": curve_figure(summary, "epochs"),
        "heat_map.png": heat_map_figure(summary),
        "tau_3d.png": view_figure(summary),
        "tau_by_time.png": time_figure(summary),
        "best_by_time.png": region_figure(summary),
    }
    pngs = {}
    for name, figure in drawn.items():
        if figure is not None:
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=150)
            pngs[name] = buffer.getvalue()
    return pngs


def save_pngs(summary: pd.DataFrame, directory: str | Path) -> list[Path]:
    """Write the figures into a directory, which is made if needed, and return their paths."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in render_pngs(summary).items():
        path = folder / name
        path.write_bytes(data)
        paths.append(path)
    return paths


def _grid(
    count: int, columns: int, plot: tuple[float, float], right: float, left: float = _LEFT, head: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Panels in rows: inches of each plot area, of what is left and right of it, and of a head above all."""
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    wide, high = left + plot[0] + right, _BOTTOM + plot[1] + _TOP
    figure = Figure(figsize=(wide * columns, high * rows + head), facecolor="white")
    axes = []
    for i in range(count):
        row, column = divmod(i, columns)
        x, y = column * wide + left, (rows - 1 - row) * high + _BOTTOM
        whole = (wide * columns, high * rows + head)
        box = (x / whole[0], y / whole[1], plot[0] / whole[0], plot[1] / whole[1])
        axes.append(figure.add_axes(box))
    return figure, axes


def _title(ax: Axes, task: str) -> None:
    ax.set_title(task, fontsize=9.5, loc="left", fontweight="bold", color=plots.INK, parse_math=False)


def _cell_look(cell: Cell | None) -> tuple[str, str, bool, str]:
    """Face, ink, whether to hatch, and words of one cell."""
    if cell is None:
        return "white", plots.MUTED, False, "·"
    total = cell.n_trials + cell.n_missing
    missing = f"missing {cell.n_missing} of {total}"
    if cell.kind == "ok":
        face, ink = heat_color(cell.mean)
        words = [text.tau(cell.mean)]
        words += [f"{cell.n_failed} of {cell.n_trials} failed"] if cell.n_failed else []
        words += [missing] if cell.n_missing else []
        words += [text.budget(cell.train_size, cell.epochs)] if cell.smaller else []
        return (
            face,
            ink,
            cell.n_missing > 0,
            "\n".join([words[0], ", ".join(words[1:])]) if words[1:] else words[0],
        )
    if cell.kind == "missing":
        return "white", plots.MUTED, True, missing
    if cell.kind == "skipped":
        return "white", plots.MUTED, False, "skipped"
    return "#fdf1e6", "#a03a00", cell.n_missing > 0, f"all {cell.n_trials} failed"

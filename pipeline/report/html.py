"""One self-contained HTML page: no request to anywhere, readable without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.aggregate import as_frame
from pipeline.budgets import best_by_budget
from pipeline.report import svg, text
from pipeline.report.answer import answer_tables, largest_budget
from pipeline.report.curve_chart import curve_chart
from pipeline.report.curves import BudgetAxis, budget_grids, curve_panels, shown_values, time_panels
from pipeline.report.facts import Facts, ReportMeta
from pipeline.report.failures import failure_groups, gaps
from pipeline.report.frame import TauRange
from pipeline.report.heat import HeatMap, heat_map
from pipeline.report.listing import COLUMNS, listing
from pipeline.report.style import PALETTE, PALETTE_DARK, Style, heat_color, styles
from pipeline.report.time_chart import TIME_TITLES, time_chart

_MOST_HEATS = 12
"""Heat maps of single training sizes: evenly chosen among the sizes if there are more."""


@dataclass(frozen=True, slots=True)
class _Chart:
    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class _Section:
    """One sweep: its charts, one per task."""

    axis: BudgetAxis
    charts: list[_Chart]


def render_html(
    summary: pd.DataFrame, rows: pd.DataFrame, meta: ReportMeta, figures: Mapping[str, str] | None = None
) -> str:
    """Return the page.

    Args:
        summary: Result of `pipeline.aggregate.summarize`.
        rows: The result rows it was made from.
        meta: What the rows do not tell.
        figures: Files beside the page to link to: name -> what is in it.
    """
    rows = as_frame(rows)
    looks = styles(summary["label"])
    groups, more_failures = failure_groups(rows)
    entries, more_entries = listing(summary)
    tables = answer_tables(best_by_budget(summary, rows))
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "tau": text.tau, "seconds": text.seconds, "count": text.count, "plural": text.plural,
        "shorten": text.shorten, "heat": heat_color, "pycode": repr,
    }  # fmt: skip
    environment.globals |= {"budget": text.budget, "interval": text.interval}
    return environment.get_template("page.html.j2").render(
        meta=meta,
        results=f"{meta.root.rstrip('/')}/results",
        facts=Facts.of(rows),
        totals=_totals(summary),
        styles=looks,
        labels=_legend(summary, looks),
        palette=PALETTE,
        palette_dark=PALETTE_DARK,
        definitions=Markup(svg.definitions()),
        answers=tables,
        glance=largest_budget(tables[0]) if tables else [],
        sweeps=_sweeps(summary, looks),
        grids=budget_grids(summary),
        heats=_heats(summary),
        times=_times(summary, looks),
        failures=groups,
        more_failures=more_failures,
        gaps=gaps(summary),
        columns=COLUMNS,
        entries=entries,
        more_entries=more_entries,
        figures=dict(figures or {}),
    )


def _totals(summary: pd.DataFrame) -> dict[str, int]:
    names = ("trials", "ok", "degenerate", "failed", "skipped", "missing")
    totals = {name: int(summary[f"n_{name}"].sum()) for name in names}
    return totals | {
        "predictors": int(summary["label"].nunique()),
        "tasks": int(summary["task"].nunique()),
        "settings": len(summary),
    }


def _legend(summary: pd.DataFrame, looks: dict[str, Style]) -> dict[str, list[str]]:
    """Labels by family, families and labels in alphabetical order."""
    families: dict[str, list[str]] = {}
    for family, part in summary.assign(family=summary["family"].fillna("other")).groupby("family"):
        families[str(family).replace("_", " ")] = [
            label for label in sorted(set(part["label"])) if label in looks
        ]
    return families


def _sweeps(summary: pd.DataFrame, looks: dict[str, Style]) -> list[_Section]:
    sections = []
    axes: tuple[BudgetAxis, ...] = ("train_size", "epochs")
    for axis in axes:
        panels = curve_panels(summary, axis)
        if not panels:
            continue
        limits = TauRange.of(shown_values(panels))
        charts = [_Chart(panel.task, Markup(curve_chart(panel, axis, looks, limits))) for panel in panels]
        sections.append(_Section(axis, charts))
    return sections


def _times(summary: pd.DataFrame, looks: dict[str, Style]) -> list[dict[str, object]]:
    panels = time_panels(summary)
    limits = TauRange.of([panel.tau for panel in panels])
    found: list[dict[str, object]] = []
    for panel in panels:
        order = np.flatnonzero(panel.front)
        order = order[np.lexsort((panel.query[order], panel.init[order]))]
        front = [
            (panel.label[i], panel.caption[i], panel.init[i], panel.query[i], panel.tau[i]) for i in order
        ]
        charts = [Markup(time_chart(panel, axis, looks, limits)) for axis in TIME_TITLES]
        found.append({"task": panel.task, "charts": charts, "front": front})
    return found


def _heats(summary: pd.DataFrame) -> list[tuple[str, HeatMap, bool]]:
    """Name, matrix and whether to show it first: the largest shared budgets, then single sizes."""
    shared = heat_map(summary)
    own = {size for size, _ in shared.budgets if size is not None}
    sizes = np.unique(summary["train_size"].dropna().to_numpy(dtype=np.int64))
    if len(sizes) < 2:
        return [("largest shared", shared, True)]
    picked = sizes[np.unique(np.linspace(0, len(sizes) - 1, _MOST_HEATS).round().astype(int))].tolist()
    heats = [(str(size), heat_map(summary, size), {size} == own) for size in picked]
    return heats if any(first for _, _, first in heats) else [("largest shared", shared, True), *heats]

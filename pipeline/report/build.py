"""From result rows to everything a report holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.aggregate import as_frame, summarize
from pipeline.report.facts import ReportMeta
from pipeline.report.figures import CONTENTS, render_pngs
from pipeline.report.html import render_html

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report.

    Attributes:
        html: The self-contained page.
        pngs: File name -> PNG.
        summary: Result of `pipeline.aggregate.summarize`.
    """

    html: str
    pngs: dict[str, bytes]
    summary: pd.DataFrame


def build_report(rows: pd.DataFrame | pa.Table, expected: pd.DataFrame | None, meta: ReportMeta) -> Report:
    """Return the page, the figures and the summary; touches no file.

    Args:
        rows: Result rows, one per key.
        expected: The planned tasks, as in `pipeline.aggregate.summarize`; None marks nothing missing.
        meta: What the rows do not tell.

    Raises:
        InputError: A column is absent.
    """
    frame = as_frame(rows)
    summary = summarize(frame, expected)
    pngs = render_pngs(summary)
    figures = {name: CONTENTS[name] for name in pngs}
    return Report(render_html(summary, frame, meta, figures), pngs, summary)

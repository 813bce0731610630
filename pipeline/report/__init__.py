"""Answers from result rows: a terminal table, figures and one HTML page.

`build_report` makes the page and the figures, `render_table` prints the table.
"""

from pipeline.report.build import Report, build_report
from pipeline.report.facts import ReportMeta
from pipeline.report.terminal import render_table

__all__ = ["Report", "ReportMeta", "build_report", "render_table"]

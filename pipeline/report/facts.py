"""What was run: given by the caller, or read from the rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import pandas as pd


@dataclass(frozen=True, slots=True)
class ReportMeta:
    """What the rows do not tell.

    Attributes:
        study: Name of the study, the page's title.
        root: Where the store is, as the user wrote it.
        command: The command that ran the study.
        generated_at: When the report was made.
        wall_s: Wall time of the runs, seconds; None shows the span of the rows instead.
        notes: Warnings for the reader, such as files that could not be read.
    """

    study: str
    root: str = "OUT"
    command: str = ""
    generated_at: datetime | None = None
    wall_s: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rows tell about the run.

    Attributes:
        hosts: Host names.
        devices: Kinds of device.
        samplings: How architectures were drawn.
        n_tests: Numbers of test architectures.
        seeds: Number of different seeds.
        versions: Library versions, one text per different set.
        started: First start; None if unknown.
        finished: Last end; None if unknown.
        span_s: Seconds from the first start to the last end, pauses included.
        cpu_s: CPU seconds of all fits and predictions.
        peak_rss_mb: Largest memory of a worker, MB; None if unknown.
    """

    hosts: tuple[str, ...]
    devices: tuple[str, ...]
    samplings: tuple[str, ...]
    n_tests: tuple[str, ...]
    seeds: int
    versions: tuple[str, ...]
    started: datetime | None
    finished: datetime | None
    span_s: float | None
    cpu_s: float
    peak_rss_mb: float | None

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Facts:
        """Read the facts from result rows."""
        started, finished = rows["started_at"].min(), rows["finished_at"].max()
        known = not (pd.isna(started) or pd.isna(finished))
        peak = rows["peak_rss_mb"].max()
        return cls(
            hosts=_distinct(rows["host"]),
            devices=_distinct(rows["device"]),
            samplings=_distinct(rows["sampling"]),
            n_tests=tuple(str(n) for n in sorted({int(n) for n in rows["n_test"].dropna()})),
            seeds=int(rows["seed"].nunique()),
            versions=tuple(_versions_text(text) for text in _distinct(rows["versions"])),
            started=started.floor("s").to_pydatetime() if known else None,
            finished=finished.ceil("s").to_pydatetime() if known else None,
            span_s=float((finished - started).total_seconds()) if known else None,
            cpu_s=float(rows["fit_cpu_s"].sum() + rows["predict_cpu_s"].sum()),
            peak_rss_mb=None if pd.isna(peak) else float(peak),
        )


def _distinct(values: pd.Series) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in values.dropna()}))


def _versions_text(stored: str) -> str:
    """``name version, ...`` from the stored JSON object; any other text as it is."""
    try:
        versions = json.loads(stored)
    except json.JSONDecodeError:
        return stored
    if not isinstance(versions, dict):
        return stored
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))

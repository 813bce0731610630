"""Reading a run back from its store, and writing its report there."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.report import ReportMeta, build_report
from pipeline.store import ResultStore
from pipeline.study import Study
from tasks.errors import InputError

PLANS, REPORT = "plans", "report"
"""Folders of the output: what each study was to run, and what was made of it."""


def save_plan(store: ResultStore, study: Study, expected: pd.DataFrame) -> None:
    """Store the study and its tasks, so that missing results can be told from a finished run."""
    store.write_text(f"{PLANS}/{study.name}.yaml", study.to_yaml())
    buffer = io.BytesIO()
    expected.drop(columns="key").to_parquet(buffer, compression="zstd", index=False)
    store.write_bytes(f"{PLANS}/{study.name}.parquet", buffer.getvalue())


def read_plans(store: ResultStore) -> pd.DataFrame | None:
    """Return the tasks of every study that was run into this output; None if none is recorded."""
    frames: list[pd.DataFrame] = []
    for name in store.documents(PLANS):
        data = store.read_bytes(name) if name.endswith(".parquet") else None
        if data is not None:
            frames.append(pq.read_table(pa.BufferReader(data)).to_pandas())
    if not frames:
        return None
    plans: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return plans.astype({"train_size": "Int64", "epochs": "Int64"}).drop_duplicates(ignore_index=True)


def read_rows(store: ResultStore, keys: set[str] | None = None) -> pd.DataFrame:
    """Return stored rows, one per key; of these keys only, if given."""
    rows: pd.DataFrame = store.read().to_pandas()
    return rows if keys is None else rows[rows["key"].isin(list(keys))].reset_index(drop=True)


def existing_store(directory: str) -> ResultStore:
    """Open the output of a run.

    Raises:
        InputError: There is none.
    """
    store = ResultStore(directory)
    if not store.has_results() and not store.documents(PLANS):
        raise InputError(f"{directory}: no results of naspred here (expected a folder results/ in it)")
    return store


def write_report(
    store: ResultStore,
    rows: pd.DataFrame,
    expected: pd.DataFrame | None,
    title: str,
    *,
    wall_s: float | None = None,
) -> tuple[str, pd.DataFrame]:
    """Write the HTML report and the figures; return the path of the page and the summary.

    Args:
        store: Where the results are.
        rows: The results, one per key; read from the store just before.
        expected: Every planned task; None if not known.
        title: Title of the page.
        wall_s: Wall seconds of the run, if there was one.
    """
    notes = tuple(f"{name} was skipped: {reason}" for name, reason in store.damaged())
    meta = ReportMeta(
        study=title, root=store.root, generated_at=datetime.now(UTC), wall_s=wall_s or None, notes=notes
    )
    report = build_report(rows, expected, meta)
    for name, png in report.pngs.items():
        store.write_bytes(f"{REPORT}/{name}", png)
    buffer = io.BytesIO()
    report.summary.to_parquet(buffer, compression="zstd", index=False)
    store.write_bytes(f"{REPORT}/summary.parquet", buffer.getvalue())
    store.write_text(f"{REPORT}/index.html", report.html)
    return f"{store.root}/{REPORT}/index.html", report.summary

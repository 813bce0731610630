"""Scores side by side: one row per architecture, one column per predictor."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.aggregate import variant_labels
from pipeline.scoring.job import Scorer, ScoringJob
from pipeline.scoring.plan import ScoringPlan
from pipeline.store import ResultStore
from pipeline.store.names import safe
from tasks.benchmarks.table import BenchmarkTable
from tasks.metrics import kendall
from tasks.spaces.base import Codes, as_arch

KEY = b"naspred_scores"
"""Metadata of the file: predictor, hyperparameters, version, replicate and seed of each column."""


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table of scores that was written.

    Attributes:
        task: ``space/dataset``.
        path: Where it is.
        architectures: Rows.
        columns: Architectures that have a score, by column.
        measured: Architectures that the measured table has, too.
        kendall: Kendall's tau-b of each column with the measured validation accuracy of these, as far as
            they have a score; None where there is none.
    """

    task: str
    path: str
    architectures: int
    columns: dict[str, int]
    measured: int
    kendall: dict[str, float | None]


def write_tables(plan: ScoringPlan, store: ResultStore) -> list[WrittenTable]:
    """Write ``OUT/<space>-<dataset>-scores.parquet`` for each task.

    Columns are ``arch``, ``canonical``, and one per predictor, named as in reports. A predictor with
    several replicates has one column for each, ``<predictor>.<replicate>``, and ``<predictor>`` with
    their mean. Null: no score.

    Raises:
        StoreError: The output cannot be read or written.
    """
    stored = store.read(["key", "score"])
    scores = dict(zip(stored["key"].to_pylist(), stored["score"].to_pylist(), strict=True))
    written = []
    for name, table in plan.tables.items():
        codes = plan.codes[name]
        texts = [table.space.format(as_arch(row)) for row in codes]
        jobs = [job for job in plan.jobs if job.task_name == name]
        columns, facts = _columns([s for s in plan.scorers if s.task_name == name], jobs, texts, scores)
        arrays = {
            "arch": pa.array(texts, pa.string()),
            "canonical": pa.array(table.space.canonical_many(codes), pa.string()),
            **{label: pa.array(values, pa.float64(), from_pandas=True) for label, values in columns.items()},
        }
        buffer = io.BytesIO()
        content = pa.table(arrays).replace_schema_metadata({KEY: json.dumps(facts).encode()})
        pq.write_table(content, buffer, compression="zstd")
        file = f"{safe(table.space.name)}-{safe(table.dataset.name)}-scores.parquet"
        store.write_bytes(file, buffer.getvalue())
        rows = _measured(table, codes)
        taus = {label: _tau(table, rows, values) for label, values in columns.items()}
        counts = {label: int(np.isfinite(values).sum()) for label, values in columns.items()}
        path = f"{store.root}/{file}"
        written.append(WrittenTable(name, path, len(texts), counts, int((rows >= 0).sum()), taus))
    return written


def _columns(
    scorers: Sequence[Scorer],
    jobs: Sequence[ScoringJob],
    texts: Sequence[str],
    scores: dict[str, float | None],
) -> tuple[dict[str, NDArray[np.float64]], dict[str, dict[str, object]]]:
    """Return scores and facts of each column; NaN where there is none."""
    place = {text: row for row, text in enumerate(texts)}
    by_scorer = {scorer: np.full(len(texts), np.nan) for scorer in scorers}
    for job in jobs:
        score = scores.get(job.key)
        if score is not None:
            by_scorer[job.scorer][place[job.text]] = score
    frame = pd.DataFrame([(s.predictor, s.params, s.version) for s in scorers],
                         columns=["predictor", "params", "version"])  # fmt: skip
    groups: dict[str, list[Scorer]] = {}
    for label, scorer in zip(variant_labels(frame), scorers, strict=True):
        groups.setdefault(label, []).append(scorer)
    columns: dict[str, NDArray[np.float64]] = {}
    facts: dict[str, dict[str, object]] = {}
    for label, members in groups.items():
        columns[label] = np.mean([by_scorer[scorer] for scorer in members], axis=0)
        facts[label] = _facts(members[0]) if len(members) == 1 else {"mean_of": len(members)}
        if len(members) > 1:
            for scorer in members:
                columns[f"{label}.{scorer.replicate}"] = by_scorer[scorer]
                facts[f"{label}.{scorer.replicate}"] = _facts(scorer)
    return columns, facts


def _facts(scorer: Scorer) -> dict[str, object]:
    return {
        "predictor": scorer.predictor,
        "params": json.loads(scorer.params),
        "version": scorer.version,
        "replicate": scorer.replicate,
        "seed": scorer.seed,
    }


def _measured(table: BenchmarkTable, codes: Codes) -> NDArray[np.int64]:
    """Return the row of each architecture in the measured table, -1 if it is not there."""
    known = {tuple(row): place for place, row in enumerate(table.codes.tolist())}
    return np.array([known.get(tuple(row), -1) for row in codes.tolist()], dtype=np.int64)


def _tau(table: BenchmarkTable, rows: NDArray[np.int64], values: NDArray[np.float64]) -> float | None:
    both = (rows >= 0) & np.isfinite(values)
    return kendall(table.val_acc[rows[both]], values[both]) if both.sum() > 1 else None

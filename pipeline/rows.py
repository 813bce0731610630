"""The result row: one per task, ok or not. The only place that knows its columns."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import pyarrow as pa

ROW_SCHEMA_VERSION = 3

Row: TypeAlias = dict[str, Any]
"""Column name -> value; a missing column is null."""

Status = Literal["ok", "degenerate", "error", "timeout", "lost", "skipped"]
"""``degenerate``: constant or non-finite scores. ``timeout``: stopped at its deadline. ``lost``:
the worker died under it on every attempt. ``skipped``: cannot run on this task."""

METRIC_COLUMNS = (
    "kendall",
    "spearman",
    "pearson",
    "kendall_2dec",
    "kendall_1dec",
    "precision_10",
    "precision_20",
    "precision_1pct",
    "mae",
    "rmse",
)

_s, _i, _f = pa.string(), pa.int64(), pa.float64()

ROW_SCHEMA = pa.schema(
    [
        ("key", _s), ("study", _s), ("predictor", _s), ("params", _s), ("version", _i), ("family", _s),
        ("space", _s), ("dataset", _s), ("experiment", _s), ("train_size", _i), ("epochs", _i),
        ("seed", _i), ("sampling", _s), ("n_test", _i),
        ("status", _s), ("error_type", _s), ("error_message", _s), ("traceback", _s), ("attempts", _i),
        ("n_undefined", _i),
        *[(name, _f) for name in METRIC_COLUMNS],
        ("init_time_s", _f), ("train_data_time_s", _f), ("hpo_time_s", _f), ("fit_time_s", _f),
        ("setup_time_s", _f), ("hpo_configs", _i), ("chosen_params", _s),
        ("query_time_s", _f), ("partial_train_time_s", _f), ("predict_time_s", _f),
        ("fit_cpu_s", _f), ("predict_cpu_s", _f), ("peak_rss_mb", _f),
        ("device", _s), ("host", _s), ("versions", _s),
        ("started_at", pa.timestamp("us", tz="UTC")), ("finished_at", pa.timestamp("us", tz="UTC")),
    ],
    metadata={b"naspred_row_schema": str(ROW_SCHEMA_VERSION).encode()},
)  # fmt: skip
"""Version 3 added n_undefined: test architectures to which the predictor gave no score; null for predictors
that score every one. error_message then says why, also of rows that are ok. Version 2 added hpo_configs
(configurations that a search tried) and chosen_params (JSON); both are null without a search.

init_time_s = train_data + hpo + fit + setup. query_time_s, partial_train_time_s and predict_time_s are per
test architecture. Metrics are null, never NaN, unless status is ok."""

PREDICTION_SCHEMA = pa.schema(
    [("key", _s), ("arch", _s), ("y_true", _f), ("y_pred", _f)],
    metadata={b"naspred_row_schema": str(ROW_SCHEMA_VERSION).encode()},
)
"""The sibling data set ``predictions/``: one row per test architecture, when the study asks."""


def to_table(rows: list[Row], schema: pa.Schema = ROW_SCHEMA) -> pa.Table:
    """Return rows as an Arrow table of exactly ``schema``.

    Raises:
        KeyError: A row has a column that the schema does not know.
    """
    known = set(schema.names)
    for row in rows:
        if not row.keys() <= known:
            raise KeyError(f"unknown result columns {sorted(row.keys() - known)}")
    return pa.Table.from_pylist(rows, schema=schema)

"""The row of a build: some runs of one architecture, trained or failed."""

from __future__ import annotations

import pyarrow as pa

from pipeline.store import ResultStore
from pipeline.store.names import TRAININGS

TRAINING_SCHEMA_VERSION = 1

_s, _i, _f = pa.string(), pa.int64(), pa.float64()
_curves = pa.list_(pa.list_(pa.float32()))

TRAINING_SCHEMA = pa.schema(
    [
        ("key", _s), ("study", _s), ("identity", _s), ("recipe", _s), ("space", _s), ("dataset", _s),
        ("index", _i), ("arch", _s), ("canonical", _s), ("runs", pa.list_(_i)), ("seeds", pa.list_(_i)),
        ("status", _s), ("error_type", _s), ("error_message", _s), ("traceback", _s), ("attempts", _i),
        ("run_status", pa.list_(_s)),
        ("train_loss", _curves), ("train_acc", _curves), ("val_loss", _curves), ("val_acc", _curves),
        ("test_acc", pa.list_(_f)),
        ("epoch_time_s", _f), ("params", _i), ("flops", _i), ("wall_s", _f), ("cpu_s", _f),
        ("peak_rss_mb", _f),        ("device", _s), ("host", _s), ("versions", _s),
        ("started_at", pa.timestamp("us", tz="UTC")), ("finished_at", pa.timestamp("us", tz="UTC")),
    ],
    metadata={b"naspred_row_schema": str(TRAINING_SCHEMA_VERSION).encode()},
)  # fmt: skip
"""``study`` is the name of the build. Lists run over the runs in ``runs``, curves over runs and epochs;
accuracies are in percent. A value that a run does not have is null. ``epoch_time_s`` is that of one run,
``wall_s`` and ``cpu_s`` are those of all together. Status ``degenerate``: every run diverged."""


def training_store(out: str) -> ResultStore:
    """Open the trainings below a folder or URL; creates nothing."""
    return ResultStore(out, folder=TRAININGS, schema=TRAINING_SCHEMA)

"""The row of a scoring: one score of one architecture, or why there is none."""

from __future__ import annotations

import pyarrow as pa

from pipeline.store import ResultStore
from pipeline.store.names import ARCHITECTURES

SCORING_SCHEMA_VERSION = 1

_s, _i, _f = pa.string(), pa.int64(), pa.float64()

SCORING_SCHEMA = pa.schema(
    [
        ("key", _s), ("study", _s), ("space", _s), ("dataset", _s), ("arch", _s),
        ("predictor", _s), ("params", _s), ("version", _i), ("replicate", _i), ("seed", _i),
        ("status", _s), ("score", _f), ("seconds", _f), ("setup_s", _f),
        ("error_type", _s), ("error_message", _s), ("traceback", _s), ("attempts", _i),
        ("wall_s", _f), ("cpu_s", _f), ("device", _s), ("host", _s), ("versions", _s),
        ("started_at", pa.timestamp("us", tz="UTC")), ("finished_at", pa.timestamp("us", tz="UTC")),
    ],
    metadata={b"naspred_row_schema": str(SCORING_SCHEMA_VERSION).encode()},
)  # fmt: skip
"""``score`` is higher for better architectures, and null unless the status is ok. Status ``degenerate``: the
predictor has no finite score for this architecture; ``error_message`` says why. ``seconds`` is what computing
the score took, then or now; ``wall_s`` and ``cpu_s`` the score's share of its batch, look-ups and a training
included; ``setup_s`` what the predictor needs once for all scores, such as the training of a supernet."""


def scoring_store(out: str) -> ResultStore:
    """Open the scores of architectures below a folder or URL; creates nothing."""
    return ResultStore(out, folder=ARCHITECTURES, schema=SCORING_SCHEMA)

"""Tables made by ``naspred bench build`` that come with the package, one Parquet file each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

from tasks.benchmarks.info import BenchmarkInfo
from tasks.benchmarks.metadata import TableMetadata

FOLDER = Path(__file__).parent / "data"
"""A file put here belongs to the catalog, under the space and data set in its metadata."""


def embedded_files(folder: Path | None = None) -> dict[str, Path]:
    """Return the shipped tables by name, sorted.

    Args:
        folder: Where they are; ``FOLDER`` if None.
    """
    found = {}
    for path in (FOLDER if folder is None else folder).glob("*.parquet"):
        facts, _ = _footer(path, path.stat().st_mtime_ns)
        found[f"{facts.space}/{facts.dataset}"] = path
    return dict(sorted(found.items()))


def describe_embedded(name: str, path: Path) -> BenchmarkInfo:
    """Return what the footer of a shipped table says."""
    facts, rows = _footer(path, path.stat().st_mtime_ns)
    return BenchmarkInfo(
        name=name,
        space=str(facts.space),
        dataset=str(facts.dataset),
        n=rows,
        epochs=facts.epochs,
        source=facts.source or path.name,
        licence=facts.licence or "not stated",
        available=True,
        why_not="",
    )


@lru_cache(maxsize=32)
def _footer(path: Path, _modified: int) -> tuple[TableMetadata, int]:
    """Return metadata and number of rows, without reading the rows."""
    with pq.ParquetFile(path) as file:
        return TableMetadata.from_schema(file.schema_arrow.metadata, str(path)), file.metadata.num_rows

"""What is known of a benchmark before its table is loaded."""

from __future__ import annotations

from typing import TypedDict


class BenchmarkInfo(TypedDict):
    """One record of the catalog.

    Attributes:
        name: ``space/dataset``.
        space: Search space name.
        dataset: Data set name.
        n: Number of measured architectures.
        epochs: Length of the full training.
        source: Where the numbers come from.
        licence: Licence of the source.
        available: Whether it can be loaded on this machine.
        why_not: What is missing and how to get it; empty if available.
    """

    name: str
    space: str
    dataset: str
    n: int
    epochs: int | None
    source: str
    licence: str
    available: bool
    why_not: str

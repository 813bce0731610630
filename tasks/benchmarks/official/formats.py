"""The formats that can be imported, without importing their readers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tasks.benchmarks.official.runs import Imported

Importer = Callable[[Path, Path, Callable[[float], None] | None], list[Imported]]
"""A function of (source, out, on_progress) that returns the tables that it wrote."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of official file.

    Attributes:
        target: ``module:function`` of the importer.
        source: What the user gives.
    """

    target: str
    source: str

    def load(self) -> Importer:
        """Return the importer."""
        module, name = self.target.split(":")
        return cast("Importer", getattr(importlib.import_module(module), name))


_HERE = "tasks.benchmarks.official"

FORMATS: Mapping[str, Format] = {
    "nasbench101": Format(
        "tasks.benchmarks.nasbench101:import_nasbench101", "nasbench_only108.tfrecord, nasbench_full.tfrecord"
    ),
    "nasbench201": Format(
        f"{_HERE}.nasbench201:import_nasbench201",
        "NAS-Bench-201-v1_1-*.pth, NATS-tss-*.pickle.pbz2 or the folder NATS-tss-*-simple",
    ),
    "nasbench301-logs": Format(f"{_HERE}.nasbench301:import_logs", "folder of results_*.json"),
    "nasbench301-surrogate": Format(
        f"{_HERE}.nasbench301_surrogate:import_surrogate", "folder nb_models (needs the package nasbench301)"
    ),
    "nasbench-nlp": Format(f"{_HERE}.nasbench_nlp:import_nasbench_nlp", "folder train_logs_*"),
    "naslib": Format(
        f"{_HERE}.naslib:import_naslib",
        "nb201_*_full_training.pickle, nb301_full_training.pickle or nb_nlp.pickle",
    ),
    "suite-zero": Format(f"{_HERE}.suite_zero:import_suite_zero", "zc_nasbench101.json, 201 or 301"),
}
"""By the name on the command line."""

"""Which encodings the tasks of a study need, and tables that bring them along."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from predictors import registry
from predictors.encoded_table import EncodedTable
from tasks.benchmarks.table import BenchmarkTable
from tasks.task import Task


def encoded_tables(tables: Mapping[str, BenchmarkTable], tasks: Iterable[Task]) -> dict[str, BenchmarkTable]:
    """Return the tables with every encoding that one of the tasks will ask for, made once."""
    methods: dict[str, set[tuple[str, str]]] = {name: set() for name in tables}
    for task in tasks:
        methods[task.task_name].add((task.predictor, task.params))
    encoded: dict[str, BenchmarkTable] = {}
    for name, table in tables.items():
        needed = {
            encoding
            for predictor, params in methods[name]
            for encoding in registry.create(predictor, json.loads(params), seed=0).encodings
        }
        encoded[name] = EncodedTable.of(table, needed) if needed else table
    return encoded

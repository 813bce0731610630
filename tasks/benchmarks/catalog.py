"""The benchmarks by name."""

from __future__ import annotations

from functools import lru_cache

from tasks.benchmarks import simple_hpo
from tasks.benchmarks.cache import cached_table
from tasks.benchmarks.embedded import describe_embedded, embedded_files
from tasks.benchmarks.importable import IMPORTABLE
from tasks.benchmarks.info import BenchmarkInfo
from tasks.benchmarks.io import read_table
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError, did_you_mean

_NASBENCH201 = {f"nasbench201/{dataset}": dataset for dataset in simple_hpo.FILES}


def benchmark_names() -> list[str]:
    """Return the names ``space/dataset`` of all benchmarks that come with naspred, sorted."""
    return sorted([*_NASBENCH201, *embedded_files()])


@lru_cache(maxsize=8)
def load_benchmark(name: str) -> BenchmarkTable:
    """Return the table of a benchmark; the same object on every call of a process.

    Raises:
        InputError: The name is unknown, or the data are not installed or have to be imported.
    """
    for info in IMPORTABLE:
        if info["name"] == name:
            raise InputError(f"{name}: {info['why_not']}")
    shipped = embedded_files()
    if name in shipped:
        return read_table(shipped[name])
    if name not in _NASBENCH201:
        raise InputError(f"unknown benchmark {name!r}; {did_you_mean(name, benchmark_names())}")
    dataset = _NASBENCH201[name]
    path = simple_hpo.data_file(dataset)
    return cached_table(name, simple_hpo.source_digest(path), lambda: simple_hpo.convert(path, dataset))


def describe() -> list[BenchmarkInfo]:
    """Return what is known of each benchmark, without loading any, in the order of the names.

    Those that the user has to import are among them.
    """
    shipped = [describe_embedded(name, path) for name, path in embedded_files().items()]
    return sorted([*map(_describe, _NASBENCH201), *shipped, *IMPORTABLE], key=lambda info: info["name"])


def _describe(name: str) -> BenchmarkInfo:
    dataset, why_not = _NASBENCH201[name], ""
    try:
        simple_hpo.data_file(dataset)
    except InputError as error:
        why_not = str(error)
    return BenchmarkInfo(
        name=name,
        space="nasbench201",
        dataset=dataset,
        n=simple_hpo.CELLS,
        epochs=simple_hpo.EPOCHS,
        source=simple_hpo.SOURCE,
        licence=simple_hpo.LICENCE,
        available=not why_not,
        why_not=why_not,
    )

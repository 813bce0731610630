"""Benchmarks that are not shipped: what they are and how to get them."""

from __future__ import annotations

from tasks.benchmarks.info import BenchmarkInfo

_NASBENCH101_URL = "https://storage.googleapis.com/nasbench/nasbench_only108.tfrecord"

IMPORTABLE: tuple[BenchmarkInfo, ...] = (
    BenchmarkInfo(
        name="nasbench101/cifar10",
        space="nasbench101",
        dataset="cifar10",
        n=423_624,
        epochs=108,
        source="NAS-Bench-101 (Ying et al., ICML 2019)",
        licence="Apache-2.0",
        available=False,
        why_not=(
            f"not shipped; download {_NASBENCH101_URL}, run: naspred bench import nasbench101 "
            "nasbench_only108.tfrecord, and give the table: --benchmark nasbench101-cifar10.parquet"
        ),
    ),
)
"""Records of the catalog; ``available`` is false, since only the user knows where the table lies."""

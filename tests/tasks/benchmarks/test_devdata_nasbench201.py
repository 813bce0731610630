"""The embedded tables against an independent compilation that only developers have."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.benchmarks.catalog import load_benchmark
from tasks.spaces.nasbench201 import NasBench201

FOLDER = Path(os.environ.get("NASPRED_DEVDATA") or Path(__file__).parents[3].parent / "shared" / "data")
FILE = FOLDER / "nb201.parquet"

pytestmark = [
    pytest.mark.devdata,
    pytest.mark.skipif(not FILE.is_file(), reason=f"developers' data are not in {FOLDER}"),
]

SPACE = NasBench201()


@pytest.fixture(scope="module")
def reference():
    table = pq.read_table(FILE)
    return {name: np.array(table[name].to_pylist()) for name in table.column_names}


@pytest.fixture(scope="module")
def codes(reference):
    return SPACE.parse_many(reference["arch_str"].tolist())


def test_notation_and_operation_codes(reference, codes):
    columns = [reference[f"op_{source}_{target}"] for source, target in SPACE.layout.edges]
    np.testing.assert_array_equal(codes, np.stack(columns, axis=1))


def test_canonical_classes_are_the_same_partition(reference, codes):
    ours, theirs = SPACE.canonical_many(codes), reference["canonical_str"].tolist()
    assert len(set(ours)) == len(set(theirs)) == len(set(zip(ours, theirs, strict=True))) == 6_466


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16-120"])
def test_embedded_table_agrees_in_every_cell(dataset, reference, codes):
    table, name = load_benchmark(f"nasbench201/{dataset}"), dataset.replace("-", "_")
    np.testing.assert_array_equal(reference["arch_idx"], np.arange(15_625))
    np.testing.assert_array_equal(table.codes, codes)
    np.testing.assert_array_equal(np.rint(reference[f"{name}_params_M"] * 1e6), table.params)
    np.testing.assert_allclose(table.flops / 1e6, reference[f"{name}_flops_M"], rtol=1e-9)
    np.testing.assert_allclose(table.val_acc, reference[f"{name}_val_acc_200"], rtol=1e-6)
    np.testing.assert_allclose(table.train_time_s, reference[f"{name}_train_time_200_s"], rtol=1e-6)
    np.testing.assert_allclose(table.latency_s, reference[f"{name}_latency_s"], rtol=1e-6)

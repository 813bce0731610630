"""NAS-Bench-101 against cells of the real table that only developers have."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench101 import NasBench101

FOLDER = Path(os.environ.get("NASPRED_DEVDATA") or Path(__file__).parents[3].parent / "shared" / "data")
FILE = FOLDER / "nb101_sample.parquet"

pytestmark = [
    pytest.mark.devdata,
    pytest.mark.skipif(not FILE.is_file(), reason=f"developers' data are not in {FOLDER}"),
]

SPACE = NasBench101()


@pytest.fixture(scope="module")
def reference():
    return pq.read_table(FILE).to_pydict()


@pytest.fixture(scope="module")
def codes(reference):
    texts = []
    for bits, ops in zip(reference["adjacency"], reference["operations"], strict=True):
        n = ops.count(",") + 1
        matrix = [[int(bit) for bit in bits[row : row + n]] for row in range(0, n * n, n)]
        texts.append(json.dumps({"matrix": matrix, "ops": ops.split(",")}, separators=(",", ":")))
    return SPACE.parse_many(texts)


def test_every_module_hash_is_the_official_one(codes, reference):
    assert len(codes) == 30_001
    assert SPACE.canonical_many(codes) == reference["module_hash"]


def test_every_parameter_count_is_the_official_one(codes, reference):
    params, flops = SPACE.count(codes, DatasetInfo("cifar10", 10, 32))
    np.testing.assert_array_equal(params, reference["trainable_parameters"])
    assert (flops > params).all()


def test_cells_of_the_table_are_pruned(codes):
    np.testing.assert_array_equal(SPACE.prune(codes), codes)

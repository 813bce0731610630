"""DARTS against real genotypes and counts that only developers have."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.darts import Darts
from tasks.spaces.darts_cost import cell_sizes
from tasks.spaces.darts_parts import AVG_POOL, INPUTS, MAX_POOL, SEP3, SEP5, SKIP, operations, predecessors

FOLDER = Path(os.environ.get("NASPRED_DEVDATA") or Path(__file__).parents[3].parent / "shared" / "data")
FILE = FOLDER / "nb301_zcp.parquet"

pytestmark = [
    pytest.mark.devdata,
    pytest.mark.skipif(not FILE.is_file(), reason=f"developers' data are not in {FOLDER}"),
]

SPACE = Darts()
CIFAR10 = DatasetInfo("cifar10", 10, 32)


@pytest.fixture(scope="module")
def reference():
    numbers = {"params": np.float64, "flops": np.float64}
    columns = pq.read_table(FILE, columns=["dataset", "genotype_compact", *numbers]).to_pydict()
    return {name: np.array(values, dtype=numbers.get(name)) for name, values in columns.items()}


@pytest.fixture(scope="module")
def codes(reference):
    return SPACE.parse_many(reference["genotype_compact"].tolist())


def test_every_genotype_is_legal_and_round_trips(codes):
    assert len(codes) > 10_000
    for row in codes[::50]:
        arch = as_arch(row)
        assert SPACE.parse(SPACE.format(arch)) == arch
        assert SPACE.parse(SPACE.format_compact(arch)) == arch


def test_canonical_forms_split_as_finely_as_the_codes_here(codes):
    forms = SPACE.canonical_many(codes)
    assert len(set(forms)) == len(np.unique(codes, axis=0))


def _normalised(codes, channels=32, cells=8):
    """Weights of batch normalisation in the operations; its elements; elements after pooling; per row."""
    kinds = operations(codes)
    at_input = predecessors(codes) < INPUTS
    weights, elements, pooled = np.zeros((3, len(codes)), dtype=np.int64)
    for size in cell_sizes(channels, cells):
        kind, side = (part[:, int(size.reduction)] for part in (kinds, at_input))
        times = np.where(np.isin(kind, (SEP3, SEP5)), 2, 1) * (kind > SKIP)
        if size.reduction:
            times += (kind == SKIP) & side
        area = (32 // 2**size.halvings) ** 2
        layers = times.sum(axis=(1, 2))
        weights += 2 * size.channels * layers
        elements += size.channels * area * layers
        pooled += size.channels * area * np.isin(kind, (MAX_POOL, AVG_POOL)).sum(axis=(1, 2))
    return weights, elements, pooled


def test_published_counts_differ_by_the_layers_of_the_other_network(reference, codes):
    """Exactly: NASLib's network has no weights in the normalisation of operations, and one after pooling.

    The network that DARTS and NAS-Bench-301 train has them, and none after pooling.
    """
    ten_classes = np.isin(reference["dataset"], ("cifar10", "svhn")) & ~np.isnan(reference["params"])
    assert ten_classes.sum() > 1000
    params, flops = SPACE.count(codes[ten_classes], CIFAR10)
    weights, elements, pooled = _normalised(codes[ten_classes])
    published = {name: np.rint(reference[name][ten_classes] * 1e6) for name in ("params", "flops")}
    np.testing.assert_array_equal(params - weights, published["params"])
    # Normalisation counts 2 per element with weights, 1 without.
    np.testing.assert_array_equal(flops - elements + pooled, published["flops"])

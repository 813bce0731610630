"""NAS-Bench-NLP against the real recipes that only developers have."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench_nlp import NasBenchNlp
from tasks.spaces.nasbench_nlp_form import unpack

FOLDER = Path(os.environ.get("NASPRED_DEVDATA") or Path(__file__).parents[3].parent / "shared" / "data")
FILE = FOLDER / "nbnlp_wikitext2_curves.parquet"

pytestmark = [
    pytest.mark.devdata,
    pytest.mark.skipif(not FILE.is_file(), reason=f"developers' data are not in {FOLDER}"),
]

SPACE = NasBenchNlp()


@pytest.fixture(scope="module")
def reference():
    return pq.read_table(FILE, columns=["recepie", "num_params"]).to_pydict()


@pytest.fixture(scope="module")
def codes(reference):
    return SPACE.parse_many(reference["recepie"])


def test_every_recipe_is_read_and_written_back(codes):
    assert len(codes) == 345
    for row in codes:
        assert SPACE.parse(SPACE.format(as_arch(row))) == as_arch(row)


def test_every_parameter_count_is_the_official_one(codes, reference):
    params, flops = SPACE.count(codes, DatasetInfo("wikitext-2", 33278))
    np.testing.assert_array_equal(params, reference["num_params"])
    assert (flops > 0).all()


def test_samples_look_like_the_recipes(codes):
    def figures(part):
        _, first = np.unique(SPACE.canonical_many(part), return_index=True)
        cells = unpack(part[first])
        nodes = cells.present.sum(axis=1)
        states = (cells.states >= 0).sum(axis=1)
        operations = np.bincount(cells.operations[cells.present], minlength=7) / nodes.sum()
        return nodes.mean(), nodes.std(), states.mean(), operations

    real, drawn = figures(codes), figures(SPACE.sample(np.random.default_rng(0), 2000))
    assert abs(real[0] - drawn[0]) < 1.5
    assert abs(real[1] - drawn[1]) < 1.0
    assert abs(real[2] - drawn[2]) < 0.3
    assert np.abs(real[3] - drawn[3]).max() < 0.06

"""Mutation-based sampling from tables that hold one way to write each cell."""

import itertools

import numpy as np
import pytest

from tasks.benchmarks.table import BenchmarkTable
from tasks.sampling import draw
from tasks.seeds import digest
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench101 import NasBench101

SPACE = NasBench101()


def written_otherwise(codes):
    """The same cell with its inner vertices in another order, if there is one."""
    matrix = np.zeros((7, 7), dtype=np.int16)
    matrix[np.triu_indices(7, 1)] = codes[:21]
    for inner in itertools.islice(itertools.permutations(range(1, 6)), 1, None):
        order = np.array([0, *inner, 6])
        moved = matrix[np.ix_(order, order)]
        other = np.concatenate([moved[np.triu_indices(7, 1)], codes[21:][order]])
        if not np.tril(moved).any() and not np.array_equal(other, codes):
            return other
    return codes


@pytest.fixture(scope="module")
def table():
    """Everything within two edits of a cell, each form once, written in another way than mutants are."""
    start = SPACE.sample(np.random.default_rng(4), 1)[0]
    near = SPACE.neighbors(as_arch(start))
    cells = dict.fromkeys(
        [as_arch(start), *near, *(cell for one in near[:12] for cell in SPACE.neighbors(one))]
    )
    codes = np.array(list(cells), dtype=np.int16)
    _, first = np.unique(SPACE.canonical_many(codes), return_index=True)
    codes = np.array([written_otherwise(row) for row in codes[first]])
    return BenchmarkTable(
        space=SPACE,
        dataset=DatasetInfo("made-up"),
        codes=codes,
        canonical_ids=np.arange(len(codes)),
        val_acc=90.0 + 0.01 * (np.arange(len(codes)) * 37 % 101),
        train_time_s=np.zeros(len(codes)),
        fingerprint=digest("nasbench101 written otherwise", codes.tolist()),
    )


def test_mutants_are_found_by_canonical_form(table):
    drawn = draw(table, sampling="mutation", seed=0, n_test=20, n_train=30)
    assert np.unique(np.concatenate([drawn.test, drawn.train])).size == 50
    near = [cell for row in drawn.test for cell in SPACE.neighbors(as_arch(table.codes[row]))]
    forms = set(SPACE.canonical_many(np.array(near)))
    assert forms.issuperset(SPACE.canonical_many(table.codes[drawn.train]))
    # By exact matrices, some of them would have been missed.
    assert not set(near).issuperset(as_arch(table.codes[row]) for row in drawn.train)

import numpy as np
import pytest

from predictors.weight_sharing.paths import AllPaths, FairPaths, UniformPaths
from tasks.errors import InputError
from tasks.spaces.dag import DagSpace
from tasks.spaces.darts import Darts
from tasks.spaces.nasbench201 import NasBench201


def test_fair_paths_have_each_operation_once_on_each_edge():
    rng = np.random.default_rng(0)
    steps = [np.array(FairPaths(NasBench201()).step(rng)) for _ in range(3)]
    for codes in steps:
        assert codes.shape == (5, 6)
        assert np.array_equal(np.sort(codes, axis=0), np.repeat(np.arange(5)[:, None], 6, axis=1))
    assert not np.array_equal(steps[0], steps[1])
    # Edges are permuted one by one, not all alike.
    assert (steps[0] != steps[0][:, :1]).any()


def test_fair_paths_of_a_free_wiring_share_one():
    space = Darts()
    codes = np.array(FairPaths(space).step(np.random.default_rng(0)))
    assert codes.shape == (7, 32)
    assert (codes[:, ::2] == codes[:1, ::2]).all()
    assert (np.sort(codes[:, 1::2], axis=0) == np.arange(7)[:, None]).all()
    for arch in codes:
        space.format(tuple(arch.tolist()))


def test_uniform_paths():
    sampler, rng = UniformPaths(NasBench201()), np.random.default_rng(0)
    drawn = [arch for _ in range(500) for arch in sampler.step(rng)]
    assert len(drawn) == 500
    counts = np.array([np.bincount(column, minlength=5) for column in np.array(drawn).T])
    assert np.abs(counts - 100).max() < 40


def test_all_paths():
    assert AllPaths().step(np.random.default_rng(0)) == [None]


def test_fair_paths_need_fixed_places():
    with pytest.raises(InputError, match="cells of dag have no fixed places"):
        FairPaths(DagSpace("dag", ("in", "conv", "out"), 3)).step(np.random.default_rng(0))

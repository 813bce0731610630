"""Scales and bins of features: from the training architectures, and nothing else."""

import numpy as np
import pytest

from predictors.hybrid.scaling import BELOW, Scaling, bin_count

TRAIN = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [6.0, 5.0]])


def test_query_values_are_scaled_with_the_mean_and_deviation_of_the_training_values():
    scaling = Scaling.of(TRAIN, [2, 2])
    alone = scaling.apply(np.array([[10.0, 5.0]]), encoding=True)
    among = scaling.apply(np.array([[-1000.0, 5.0], [10.0, 5.0], [0.0, 5.0]]), encoding=True)
    np.testing.assert_allclose(alone.values[0, 0], (10.0 - 3.0) / np.std([1, 2, 3, 6]))
    assert alone.values[0].tolist() == among.values[1].tolist()
    assert alone.bins[0].tolist() == among.bins[1].tolist()


def test_a_feature_that_is_the_same_for_all_training_architectures_tells_nothing():
    scaled = Scaling.of(TRAIN, [2, 2]).apply(np.array([[1.0, 5.0], [1.0, 9.0], [1.0, np.nan]]), encoding=True)
    assert scaled.values[:, 1].tolist() == [0, 0, 0]
    careless = np.full((7, 1), 0.1 + 0.2)
    assert Scaling.of(careless, [2]).std.tolist() == [0]


def test_undefined_scores_are_below_all_others_and_have_a_bin_of_their_own():
    values = np.array([[1.0], [np.nan], [2.0], [3.0]])
    scaling = Scaling.of(values, [3])
    scaled = scaling.apply(values, encoding=True)
    defined = scaled.values[[0, 2, 3], 0]
    np.testing.assert_allclose([defined.mean(), defined.std()], [0, 1], atol=1e-12)
    assert scaled.values[1, 0] == pytest.approx(defined.min() - BELOW)
    assert scaled.bins[:, 0].tolist() == [0, 3, 1, 2]
    assert scaled.bin_counts == (4,)


def test_nothing_but_undefined_scores():
    scaled = Scaling.of(np.full((3, 1), np.nan), [4]).apply(np.array([[np.nan], [7.0]]), encoding=True)
    assert scaled.values.tolist() == [[0], [0]]
    assert scaled.bins.tolist() == [[1], [0]]


def test_bins_divide_the_training_architectures_into_equal_parts():
    values = np.random.default_rng(0).permutation(60.0 + np.arange(60.0))[:, None]
    bins = Scaling.of(values, [6]).apply(values, encoding=True).bins[:, 0]
    assert np.bincount(bins).tolist() == [10] * 6


@pytest.mark.parametrize(
    ("n", "bins"), [(1, 2), (10, 2), (11, 3), (20, 3), (40, 4), (80, 6), (81, 10), (1000, 10)]
)
def test_number_of_bins_of_a_zero_cost_score(n, bins):
    assert bin_count(n, curve=False) == bins


@pytest.mark.parametrize(("n", "bins"), [(1, 2), (5, 2), (10, 2), (15, 3), (45, 9), (1000, 9)])
def test_number_of_bins_of_a_curve(n, bins):
    assert bin_count(n, curve=True) == bins

import numpy as np
import pytest

from predictors.model_based.kmeans import kmeans


def test_separate_clusters_are_found_from_any_seed():
    rng = np.random.default_rng(0)
    middle = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    x = np.repeat(middle, 30, axis=0) + rng.normal(size=(90, 2))
    expected = x.reshape(3, 30, 2).mean(axis=1)
    for seed in range(10):
        centres = kmeans(x, 3, np.random.default_rng(seed))
        order = np.argmin(((expected[:, None] - centres) ** 2).sum(axis=2), axis=1)
        np.testing.assert_allclose(centres[order], expected)


def test_each_centre_is_the_mean_of_the_rows_nearest_to_it():
    x = np.random.default_rng(1).normal(size=(200, 3))
    centres = kmeans(x, 8, np.random.default_rng(2))
    nearest = np.argmin(((x[:, None] - centres) ** 2).sum(axis=2), axis=1)
    assert set(nearest) == set(range(8))
    for cluster in range(8):
        np.testing.assert_allclose(centres[cluster], x[nearest == cluster].mean(axis=0))


@pytest.mark.parametrize("count", [3, 10])
def test_no_more_centres_than_different_rows(count):
    x = np.repeat(np.eye(3), 4, axis=0)
    centres = kmeans(x, count, np.random.default_rng(0))
    assert sorted(map(tuple, centres)) == sorted(map(tuple, np.eye(3)))


def test_a_single_row_is_its_own_centre():
    assert kmeans(np.array([[2.0, 5.0]]), 10, np.random.default_rng(0)).tolist() == [[2.0, 5.0]]

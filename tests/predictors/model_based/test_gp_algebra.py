import numpy as np
import pytest
import torch

from predictors.model_based.gp_algebra import JITTERS, solve, solve_by_lapack, solve_by_torch
from predictors.model_based.gp_training import squared_distances

WAYS = [solve_by_lapack, solve_by_torch]


def stack(*matrices):
    return torch.tensor(np.array(matrices, dtype=float))


def noise(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("way", WAYS)
def test_solutions_are_those_of_numpy(way):
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 6, 6))
    signal, levels = roots @ roots.transpose(0, 2, 1), np.array([0.1, 1.0, 3.0])
    targets, inverse = rng.normal(size=(3, 6)), torch.empty(3, 6, 6, dtype=torch.float64)
    solved = way(torch.tensor(signal), torch.tensor(levels), torch.tensor(targets), inverse)
    covariance = signal + levels[:, None, None] * np.eye(6)
    np.testing.assert_allclose(solved.weights, np.linalg.solve(covariance, targets[:, :, None])[:, :, 0])
    np.testing.assert_allclose(solved.log_determinant, np.linalg.slogdet(covariance)[1])
    assert solved.jitter.tolist() == [0.0] * 3
    triangle = inverse.numpy()
    assert all((np.triu(one, 1) == 0).all() or (np.tril(one, -1) == 0).all() for one in triangle)
    full = triangle + triangle.transpose(0, 2, 1)
    full[:, range(6), range(6)] /= 2
    np.testing.assert_allclose(full, np.linalg.inv(covariance), rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_jitter_is_added_only_where_it_is_needed(way):
    sound, singular = np.exp(-squared_distances(np.arange(4.0)[:, None])), np.ones((4, 4))
    signal = stack(sound, singular)
    work = torch.empty_like(signal)
    solved = way(signal, noise(0.0, 0.0), torch.ones(2, 4, dtype=torch.float64), work)
    assert solved.jitter[0] == 0.0
    assert 0 < solved.jitter[1] <= JITTERS[-1]
    expected = np.linalg.solve(singular + solved.jitter[1].item() * np.eye(4), np.ones(4))
    np.testing.assert_allclose(solved.weights[1], expected, rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("broken", [[[1.0, 2.0], [2.0, 1.0]], [[np.nan, np.nan], [np.nan, np.nan]]])
def test_matrix_that_no_jitter_saves_is_a_clear_error(way, broken):
    signal = stack(np.eye(2), broken)
    with pytest.raises(
        np.linalg.LinAlgError, match=r"covariance of 2 architectures .* is not positive definite"
    ):
        way(signal, noise(0.1, 0.1), torch.ones(2, 2, dtype=torch.float64), torch.empty_like(signal))


def test_on_the_processor_lapack_does_the_work(monkeypatch):
    monkeypatch.delattr("predictors.model_based.gp_algebra.solve_by_torch")
    signal = stack(np.eye(3))
    targets, work = torch.ones(1, 3, dtype=torch.float64), torch.empty_like(signal)
    np.testing.assert_allclose(solve(signal, noise(1.0), targets, work).weights, 0.5)

"""The noise ceiling of repeated measurements."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from tasks.benchmarks.ceiling import first_run_agreement, noise_ceiling


def measurements(noise, runs, count=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 1)) + noise * rng.normal(size=(count, runs))


def test_the_extrapolated_tau_is_what_further_runs_show():
    for noise, runs in ((0.5, 8), (1.0, 8), (1.0, 5)):
        values = measurements(noise, 2 * runs)
        ceiling = noise_ceiling(values[:, :runs])
        shown = kendalltau(values[:, :runs].mean(1), values[:, runs:].mean(1)).statistic
        assert ceiling.half_tau < ceiling.tau
        assert ceiling.tau == pytest.approx(shown, abs=0.05)
        assert (ceiling.runs, ceiling.architectures) == (runs, 400)


def test_extremes():
    exact = noise_ceiling(np.repeat(np.arange(9.0)[:, None], 4, axis=1))
    assert (exact.half_tau, exact.tau) == (1.0, 1.0)
    noise = noise_ceiling(measurements(1e6, 4))
    assert abs(noise.half_tau) < 0.1
    assert noise == noise_ceiling(measurements(1e6, 4))
    assert noise_ceiling(np.ones((5, 4))) is None
    assert noise_ceiling(measurements(1.0, 1)) is None
    assert noise_ceiling(measurements(1.0, 4, count=1)) is None


def test_two_runs_have_one_split():
    values = measurements(1.0, 2)
    expected = kendalltau(values[:, 0], values[:, 1]).statistic
    ceiling = noise_ceiling(values)
    assert ceiling.half_tau == pytest.approx(expected)
    assert ceiling.tau == pytest.approx(2 * expected / (1 + expected))


def test_the_first_run_agrees_more_with_a_mean_that_it_is_part_of():
    values = measurements(1.0, 3)
    found = first_run_agreement(values)
    assert found.target_tau == pytest.approx(kendalltau(values[:, 0], values.mean(1)).statistic)
    assert found.others_tau == pytest.approx(kendalltau(values[:, 0], values[:, 1:].mean(1)).statistic)
    assert found.others_tau < found.target_tau - 0.1
    assert first_run_agreement(measurements(1.0, 1)) is None
    assert first_run_agreement(np.ones((5, 2))) is None

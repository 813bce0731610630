import numpy as np
import pytest

from predictors.learning_curve.families import FAMILIES, LOGISTIC, STUDY_FAMILIES, Grid
from predictors.learning_curve.observed import MAX_POINTS, observe

GRID = Grid(np.array([1.0, 2.0, 3.0, 7.0, 20.0, 60.0]))
BY_NAME = {family.name: family for family in FAMILIES}


def inverse_logistic(value):
    return np.log(value / (1 - value)) / LOGISTIC


def parameters(curve, *others):
    """The parameters of a family whose curve has these ends."""
    first, last = curve[0], curve[-1]
    return np.array([inverse_logistic(first), inverse_logistic((last - first) / (1 - first)), *others])


def test_the_published_set():
    assert list(BY_NAME) == [
        "vapor_pressure", "pow3", "log_log_linear", "hill3", "log_power", "pow4", "mmf", "exp4",
        "janoschek", "weibull", "ilog2",
    ]  # fmt: skip
    assert [family.name for family in STUDY_FAMILIES] == ["log_log_linear", "hill3", "log_power", "mmf"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_curves_rise_between_0_and_1_and_have_the_ends_of_their_parameters(family):
    z = np.random.default_rng(0).normal(size=(400, family.size))
    curves = family.curves(z, GRID)
    assert curves.shape == (400, 6)
    assert np.all(np.diff(curves, axis=1) >= -1e-12)
    assert np.all((curves > 0) & (curves < 1))
    first = 1 / (1 + np.exp(-LOGISTIC * z[:, 0]))
    last = first + (1 - first) / (1 + np.exp(-LOGISTIC * z[:, 1]))
    np.testing.assert_allclose(curves[:, 0], first, rtol=1e-9)
    np.testing.assert_allclose(curves[:, -1], last, rtol=1e-9)


def test_formulas_of_the_paper():
    x = GRID.x
    half = 0.5 * np.log(60.0)  # of the prior of time constants
    hill = 0.9 * x**1.3 / (5.0**1.3 + x**1.3)
    share = 60.0**1.3 / (5.0**1.3 + 60.0**1.3)
    vapor = np.exp(-0.6 - 0.5 / x + 0.04 * np.log(x))
    early, late = 0.5 * (1 - 1 / 60), 0.04 * np.log(60)
    pow3 = 0.9 - 0.5 * x**-0.7
    pow4 = 0.95 - (2.0 * x + 1.0) ** -0.8
    mmf = 0.9 - 0.7 / (1 + (0.2 * x) ** 1.5)
    exp4 = 0.8 - np.exp(-0.3 * x**0.6 - 0.2)
    weibull = 0.85 - 0.6 * np.exp(-((0.1 * x) ** 0.9))
    log_log = np.log(0.2 * np.log(x) + 1.3)
    ilog2 = 0.9 - 0.4 / np.log(x + 1)
    cases = {
        "hill3": (hill, inverse_logistic(share)),
        "log_power": (hill, inverse_logistic(share)),
        "vapor_pressure": (vapor, inverse_logistic(early / (early + late))),
        "pow3": (pow3, (np.log(0.7) + 0.5) / 0.8),
        "pow4": (pow4, (np.log(0.8) + 0.5) / 0.8, np.log(0.5)),
        "mmf": (mmf, np.log(5) / half - 1, np.log(1.5) / 0.5),
        "exp4": (exp4, np.log(0.3) + 1, (np.log(0.6) + 0.3) / 0.5),
        "janoschek": (exp4, np.log(0.3) + 1, (np.log(0.6) + 0.3) / 0.5),
        "weibull": (weibull, np.log(10) / half - 1, (np.log(0.9) + 0.3) / 0.5),
        "log_log_linear": (log_log,),
        "ilog2": (ilog2,),
    }
    assert set(cases) == set(BY_NAME)
    for name, (curve, *others) in cases.items():
        found = BY_NAME[name].curves(parameters(curve, *others), GRID)
        np.testing.assert_allclose(found, curve, rtol=1e-9, err_msg=name)


def test_short_curves_are_kept_and_long_ones_thinned():
    rng = np.random.default_rng(0)
    short = observe(rng.uniform(0, 100, (3, MAX_POINTS)), 200, 0.1)
    assert short.values.shape == (3, MAX_POINTS)
    assert np.all(short.scatter == 0)
    assert short.grid.x[-1] == 200
    line = 20.0 + 0.3 * np.arange(1.0, 199.0)
    noise = 0.2 * rng.normal(size=(5, 198))
    long = observe(line + noise, 200, 0.1)
    assert long.values.shape[1] <= MAX_POINTS
    assert long.counts.sum() == 198
    np.testing.assert_allclose(long.values @ long.counts, (line + noise).sum(axis=1) / 100)
    np.testing.assert_allclose(long.grid.x[:-1] @ long.counts, np.arange(1, 199).sum())
    assert np.all(np.abs(long.scatter - 198 * 0.002**2) < 0.5 * 198 * 0.002**2)
    fitted = (20.0 + 0.3 * long.grid.x[None, None]) / 100
    assert np.all(np.abs(np.sqrt(long.noise_variance(np.repeat(fitted, 5, axis=0))) - 0.002) < 5e-4)

import numpy as np
import pytest
from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.report.curves import time_panels
from pipeline.report.regions import TimeGrid, region_maps


def trials(predictor, init, query, *taus, **fields):
    shared = {"predictor": predictor, "init_time_s": init, "query_time_s": query, **fields}
    return [{**shared, "seed": i, "kendall": tau} for i, tau in enumerate(taus)]


def maps_of(*rows):
    panels = time_panels(summarize(frame(*rows)))
    grid = TimeGrid.of(panels)
    return grid, region_maps(panels, grid)


def at(grid, found, init, query):
    """Label and tau within two budgets."""
    row, column = (
        np.searchsorted(grid.query, query, "right") - 1,
        np.searchsorted(grid.init, init, "right") - 1,
    )
    best = found.best[row, column]
    return (found.labels[best] if best >= 0 else None), found.tau[row, column]


def test_each_pair_of_budgets_has_the_highest_tau_that_fits_both():
    grid, (found,) = maps_of(
        *trials("params", 0.0, 1e-6, 0.4, 0.42),
        *trials("rf", 100.0, 1e-3, 0.5, 0.52, train_size=5),
        *trials("rf", 1e4, 1e-3, 0.7, 0.72, train_size=50),
        *trials("valacc", 0.0, 100.0, 0.6, 0.62),
    )
    assert at(grid, found, 50.0, 8e-7) == (None, pytest.approx(np.nan, nan_ok=True))
    for init, query, label, tau in (
        (50.0, 1.0, "params", 0.41),
        (200.0, 1e-4, "params", 0.41),
        (200.0, 1.0, "rf", 0.51),
        (200.0, 200.0, "valacc", 0.61),
        (2e4, 1.0, "rf", 0.71),
        (2e4, 200.0, "rf", 0.71),
    ):
        assert at(grid, found, init, query) == (label, pytest.approx(tau)), (init, query)


def test_map_agrees_with_a_search_over_all_settings(large_summary):
    panels = time_panels(large_summary[large_summary["space"] == "darts"])
    grid = TimeGrid.of(panels)
    (found,), (panel,) = region_maps(panels, grid), panels
    rng = np.random.default_rng(0)
    for row, column in rng.integers((len(grid.query), len(grid.init)), size=(200, 2)):
        fits = (np.maximum(panel.init, grid.init_zero) <= grid.init[column]) & (
            np.maximum(panel.query, grid.query_zero) <= grid.query[row]
        )
        best = found.best[row, column]
        assert (best >= 0) == fits.any()
        if best >= 0:
            first = np.flatnonzero(fits)[panel.tau[fits].argmax()]
            assert (found.labels[best], found.tau[row, column]) == (panel.label[first], panel.tau[first])
            least = panel.tau[first] - panel.error[first]
            near = {panel.label[i] for i in np.flatnonzero(fits) if panel.tau[i] >= least}
            near -= {panel.label[first]}
            assert {found.labels[i] for i in np.flatnonzero(found.near[:, row, column])} == near


def test_one_standard_error_decides_what_is_clear():
    # 0.6 +- 0.1: the standard error over three trials is 0.1 / sqrt(3) = 0.0577.
    first = trials("rf", 10.0, 1e-3, 0.5, 0.6, 0.7)
    _, (near,) = maps_of(*first, *trials("gp", 10.0, 1e-3, *[0.55] * 3))
    _, (clear,) = maps_of(*first, *trials("gp", 10.0, 1e-3, *[0.54] * 3))
    corner = (-1, -1)
    assert (near.clear[corner], clear.clear[corner]) == (False, True)
    assert [near.labels[i] for i in np.flatnonzero(near.near[:, -1, -1])] == ["gp"]


def test_failed_trials_count_in_mean_and_error():
    rows = [*trials("rf", 10.0, 1e-3, 0.6, 0.6, 0.6), {"predictor": "rf", "seed": 3, "status": "error"}]
    (panel,) = time_panels(summarize(frame(*rows)))
    assert panel.tau[0] == pytest.approx(0.45)
    assert panel.error[0] == pytest.approx(np.std([0.6, 0.6, 0.6, 0.0], ddof=1) / 2)


def test_single_trials_separate_nothing():
    _, (found,) = maps_of(*trials("rf", 10.0, 1e-3, 0.9), *trials("gp", 10.0, 1e-3, 0.1))
    assert not found.clear.any()
    assert found.labels[found.best[-1, -1]] == "rf"


def test_mean_over_tasks_takes_what_fits_on_all():
    other = {"dataset": "cifar100"}
    grid, (mean, *single) = maps_of(
        *trials("rf", 10.0, 1e-3, 0.5, 0.6),
        *trials("rf", 1000.0, 1e-3, 0.5, 0.6, **other),
        *trials("gp", 10.0, 1e-3, 0.4, 0.5),
        *trials("gp", 10.0, 1e-3, 0.7, 0.8, **other),
        *trials("params", 0.0, 1e-6, 0.9, 0.9),
    )
    assert mean.title == "mean of 2 tasks"
    assert [found.title for found in single] == ["nasbench201/cifar10", "nasbench201/cifar100"]
    assert at(grid, mean, 1.0, 1.0)[0] is None
    assert at(grid, mean, 100.0, 1.0) == ("gp", pytest.approx(0.6))
    assert at(grid, mean, 2000.0, 1.0) == ("gp", pytest.approx(0.6))
    # Half of the square root of the sum of both squared errors (0.05 each), 0.035: rf at 0.55 is not near.
    assert mean.clear[-1, -1]


def test_winners_are_ordered_by_area(edge_rows):
    panels = time_panels(summarize(edge_rows))
    for found in region_maps(panels, TimeGrid.of(panels)) if panels else []:
        areas = [np.count_nonzero(found.best == i) for i in found.winners()]
        assert areas == sorted(areas, reverse=True)
        assert sum(areas) == np.count_nonzero(found.best >= 0)

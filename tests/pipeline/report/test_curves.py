import numpy as np
from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.report.curves import budget_grids, curve_panels, front_names, shown_values, time_panels


def sweep(predictor, sizes, epochs=(None,), **fields):
    return [{"predictor": predictor, "train_size": n, "epochs": k, **fields} for n in sizes for k in epochs]


def test_lines_run_along_rising_budgets():
    rows = frame(*sweep("rf", (500, 5, 50)), {"predictor": "params", "train_size": None, "kendall": 0.4})
    (panel,) = curve_panels(summarize(rows), "train_size")
    assert [line.label for line in panel.lines] == ["rf"]
    assert panel.lines[0].x.tolist() == [5, 50, 500]
    assert panel.references == (("params", 0.4),)


def test_no_panels_along_a_budget_that_does_not_vary():
    summary = summarize(frame(*sweep("rf", (5,)), {"predictor": "valacc", "train_size": None, "epochs": 3}))
    assert curve_panels(summary, "train_size") == []
    assert curve_panels(summary, "epochs") == []


def test_fidelity_gives_a_panel_over_epochs():
    rows = frame(*sweep("valacc", (None,), (1, 10)), *sweep("rf", (5, 50)))
    (panel,) = curve_panels(summarize(rows), "epochs")
    assert [line.label for line in panel.lines] == ["valacc"]


def test_two_budgets_go_to_a_grid_and_not_to_the_lines():
    rows = frame(*sweep("lcsvr", (5, 50), (1, 10, 20)), *sweep("rf", (5, 50)))
    summary = summarize(rows)
    (panel,) = curve_panels(summary, "train_size")
    assert [line.label for line in panel.lines] == ["rf"]
    (grid,) = budget_grids(summary)
    assert grid.label == "lcsvr"
    assert grid.train_sizes.tolist() == [5, 50]
    assert grid.epochs.tolist() == [1, 10, 20]
    assert grid.tau.shape == (2, 3)


def test_grid_has_nan_where_nothing_succeeded():
    rows = frame(
        *sweep("lcsvr", (5, 50), (1, 10))[:3], {**sweep("lcsvr", (50,), (10,))[0], "status": "error"}
    )
    (grid,) = budget_grids(summarize(rows))
    assert np.isnan(grid.tau).tolist() == [[False, False], [False, True]]


def test_one_fixed_epoch_count_is_a_line_that_names_it():
    (panel,) = curve_panels(summarize(frame(*sweep("lcsvr", (5, 50), (20,)))), "train_size")
    assert panel.lines[0].caption == "lcsvr k=20"


def test_points_without_success_stay_as_gaps_with_a_note():
    rows = frame(*sweep("rf", (5, 500)), *sweep("rf", (50,), status="timeout"))
    (panel,) = curve_panels(summarize(rows), "train_size")
    line = panel.lines[0]
    assert np.isnan(line.mean).tolist() == [False, True, False]
    assert line.failed.tolist() == [False, True, False]
    assert line.notes[1] == "rf, 50 training architectures: no trial succeeded; 1 of 1 trials failed"


def test_predictors_that_cannot_run_there_have_no_line():
    rows = frame(*sweep("rf", (5, 50)), *sweep("new", (5, 50), status="skipped"))
    (panel,) = curve_panels(summarize(rows), "train_size")
    assert [line.label for line in panel.lines] == ["rf"]


def test_wide_intervals_do_not_stretch_the_axis():
    rows = frame(*sweep("rf", (5, 50), kendall=0.1), *sweep("rf", (5, 50), kendall=0.7, seed=1))
    panels = curve_panels(summarize(rows), "train_size")
    assert panels[0].lines[0].high.max() > 1
    assert max(values.max(initial=0) for values in shown_values(panels)) < 1


def test_time_panel_has_front_and_captions():
    rows = frame(
        {"predictor": "params", "train_size": None, "init_time_s": 0.0, "kendall": 0.4},
        {"train_size": 5, "init_time_s": 10.0, "kendall": 0.3},
        {"train_size": 50, "init_time_s": 100.0, "kendall": 0.6},
        {"train_size": 500, "init_time_s": None},
    )
    (panel,) = time_panels(summarize(rows))
    assert dict(zip(panel.caption, panel.front.tolist(), strict=True)) == {
        "params": True,
        "rf n = 5": False,
        "rf n = 50": True,
    }


def test_front_names_each_predictor_once_at_its_best():
    rows = frame(
        *({"train_size": n, "init_time_s": float(n), "kendall": n / 100} for n in (5, 50, 90)),
        {"predictor": "params", "train_size": None, "init_time_s": 0.0, "kendall": 0.01},
    )
    (panel,) = time_panels(summarize(rows))
    order, names = front_names(panel)
    assert names == ["rf", "params"]
    assert [panel.caption[i] for i in order] == ["rf n = 90", "params", "rf n = 50", "rf n = 5"]


def test_edge_cases_have_consistent_shapes(edge_rows):
    summary = summarize(edge_rows)
    for axis in ("train_size", "epochs"):
        for panel in curve_panels(summary, axis):
            for line in panel.lines:
                assert len(line.x) == len(line.mean) == len(line.low) == len(line.high) == len(line.notes)
                assert (np.diff(line.x) > 0).all()
    for panel in time_panels(summary):
        assert len(panel.label) == len(panel.tau) == len(panel.front)
        assert panel.front.any()

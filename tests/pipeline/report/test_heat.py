import numpy as np
import pandas as pd
import pytest
from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.report.heat import heat_map


def cells_of(rows, expected=None, **options):
    heat = heat_map(summarize(rows, expected), **options)
    return heat, {
        (label, task): cell
        for label, row in zip(heat.labels, heat.cells, strict=True)
        for task, cell in zip(heat.tasks, row, strict=True)
    }


def test_default_is_the_largest_shared_size():
    rows = frame(
        *({"train_size": n} for n in (5, 50, 500)), *({"predictor": "gp", "train_size": n} for n in (5, 50))
    )
    heat, cells = cells_of(rows)
    assert heat.budgets == ((50, None),)
    assert {label: cell.train_size for (label, _), cell in cells.items()} == {"rf": 50, "gp": 50}
    assert not any(cell.smaller for cell in cells.values())


def test_a_chosen_size_marks_predictors_with_less():
    rows = frame(
        *({"train_size": n} for n in (5, 500)),
        {"predictor": "gp", "train_size": 5},
        {"predictor": "params", "train_size": None},
    )
    heat, cells = cells_of(rows, train_size=500)
    assert heat.budgets == ((500, None),)
    assert {label: cell.smaller for (label, _), cell in cells.items()} == {
        "rf": False,
        "gp": True,
        "params": False,
    }


def test_a_predictor_without_any_fitting_size_has_an_empty_cell():
    rows = frame(
        {"train_size": 5},
        {"predictor": "gp", "train_size": 50},
        {"predictor": "gp", "train_size": 5, "dataset": "b"},
    )
    _, cells = cells_of(rows, train_size=5)
    assert cells["gp", "nasbench201/cifar10"] is None


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        (["ok", "error"], "ok"),
        (["error", "degenerate"], "failed"),
        (["skipped", "skipped"], "skipped"),
        (["skipped", "error"], "failed"),
    ],
)
def test_kind_of_a_cell(statuses, kind):
    rows = frame(*({"seed": i, "status": status} for i, status in enumerate(statuses)))
    _, cells = cells_of(rows)
    (cell,) = cells.values()
    assert cell.kind == kind
    assert cell.n_trials == 2
    assert cell.n_failed == sum(status in ("error", "degenerate") for status in statuses)


def test_missing_cells_are_told_from_unplanned_ones():
    planned = pd.DataFrame(
        [{"predictor": p, "space": "nasbench201", "dataset": d, "train_size": 10, "epochs": None, "seed": s}
         for p, d in (("rf", "cifar10"), ("gp", "cifar10"), ("rf", "b")) for s in range(3)]
    )  # fmt: skip
    _, cells = cells_of(frame({"seed": 0}, {"seed": 0, "dataset": "b"}), planned)
    assert cells["rf", "nasbench201/cifar10"].kind == "ok"
    assert cells["rf", "nasbench201/cifar10"].n_missing == 2
    assert cells["gp", "nasbench201/cifar10"].kind == "missing"
    assert cells["gp", "nasbench201/b"] is None


def test_order_gains_nothing_from_leaving_out_a_hard_task():
    taus = {
        ("good", "easy"): 0.9,
        ("good", "hard"): 0.4,
        ("lazy", "easy"): 0.85,
        ("poor", "easy"): 0.8,
        ("poor", "hard"): 0.1,
    }
    rows = frame(*({"predictor": p, "dataset": d, "kendall": tau} for (p, d), tau in taus.items()))
    heat, _ = cells_of(rows)
    assert heat.labels == ("good", "lazy", "poor")
    assert heat.means == (pytest.approx(0.65), None, pytest.approx(0.45))


def test_failures_cost_rank_and_never_ran_comes_last():
    rows = frame(
        {"predictor": "a", "kendall": 0.9},
        {"predictor": "a", "seed": 1, "status": "error"},
        {"predictor": "b", "kendall": 0.5},
        {"predictor": "b", "seed": 1, "kendall": 0.5},
        {"predictor": "c", "status": "skipped"},
    )
    heat, cells = cells_of(rows)
    assert heat.labels == ("b", "a", "c")
    assert cells["a", "nasbench201/cifar10"].mean == 0.9
    assert cells["a", "nasbench201/cifar10"].zero == pytest.approx(0.45)


def test_edge_cases_have_a_full_matrix(edge_rows):
    summary = summarize(edge_rows)
    heat = heat_map(summary)
    assert set(heat.labels) == set(summary["label"])
    assert set(heat.tasks) == set(summary["task"])
    assert all(len(row) == len(heat.tasks) for row in heat.cells)
    means = [mean for mean in heat.means if mean is not None]
    assert np.isfinite(means).all()

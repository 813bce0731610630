from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.budgets import best_by_budget
from pipeline.report.answer import answer_tables, largest_budget


def tables_of(rows):
    return answer_tables(best_by_budget(summarize(rows), rows))


def taus(predictor, values, **fields):
    return [{"predictor": predictor, "seed": i, "kendall": v, **fields} for i, v in enumerate(values)]


def test_rows_are_budgets_and_columns_tasks():
    rows = frame(
        *taus("params", [0.5, 0.51, 0.52], train_size=None),
        *taus("rf", [0.1, 0.11, 0.12], train_size=5),
        *taus("rf", [0.8, 0.81, 0.82], train_size=50),
        *taus("rf", [0.3, 0.31, 0.32], train_size=5, dataset="b"),
    )
    (table,) = tables_of(rows)
    assert table.corner == "training architectures"
    assert table.rows == ("none", "5", "50")
    assert table.columns == ("nasbench201/b", "nasbench201/cifar10")
    assert [[None if cell is None else cell.label for cell in row] for row in table.cells] == [
        [None, "params"],
        ["rf", "params"],
        [None, "rf"],
    ]
    best = table.cells[2][1]
    assert best.clear is True
    assert best.verdict == "clear lead"
    assert best.next == "next params 0.510 (outside)"
    assert best.interval == "[0.785, 0.835]"
    assert best.detail.startswith("Lead over params: 0.300 [")
    assert best.detail.endswith("paired over 3 trials.")


def test_ties_are_said():
    rows = frame(*taus("rf", [0.5, 0.6, 0.7]), *taus("gp", [0.6, 0.5, 0.69]), *taus("xgb", [0.55, 0.6, 0.6]))
    winner = tables_of(rows)[0].cells[0][0]
    assert winner.clear is False
    assert winner.verdict == "tied with gp +1"
    assert winner.next == "next gp 0.597 (inside)"
    assert "Not separable from: gp, xgb." in winner.detail


def test_one_predictor_or_one_seed_makes_no_claim():
    alone = tables_of(frame({}))[0].cells[0][0]
    assert (alone.clear, alone.verdict, alone.next, alone.interval) == (None, "only one measured", "", "")
    once = tables_of(frame({}, {"predictor": "gp", "kendall": 0.4}))[0].cells[0][0]
    assert (once.clear, once.verdict, once.next) == (None, "no interval", "next gp 0.400")


def test_a_smaller_own_budget_and_failures_are_said():
    rows = frame(
        *taus("rf", [0.8, 0.8], train_size=5),
        {"predictor": "rf", "train_size": 5, "seed": 2, "status": "error"},
        *taus("gp", [0.1, 0.1], train_size=50),
    )
    winner = tables_of(rows)[0].cells[1][0]
    assert winner.label == "rf"
    assert winner.used == "n = 5"
    assert winner.failing == "33% of its trials failed"


def test_fidelity_has_a_table_over_epochs_only():
    rows = frame(*(row for k in (1, 9) for row in taus("valacc", [0.5, 0.6], train_size=None, epochs=k)))
    (table,) = tables_of(rows)
    assert table.corner == "epochs per query"
    assert table.rows == ("1", "9")


def test_both_budgets_add_a_grid_per_task():
    rows = frame(
        *taus("params", [0.3], train_size=None),
        *(row for n in (5, 50) for row in taus("rf", [0.4], train_size=n)),
        *(row for k in (1, 9) for row in taus("valacc", [0.5], train_size=None, epochs=k)),
    )
    sizes, epochs, grid = tables_of(rows)
    assert sizes.rows == ("none", "5", "50")
    assert epochs.rows == ("none", "1", "9")
    assert grid.compact
    assert (grid.rows, grid.columns) == (("0", "5", "50"), ("0", "1", "9"))
    assert grid.cells[1][0].label == "rf"
    assert grid.cells[1][1].label == "valacc"


def test_largest_budget_skips_empty_cells():
    rows = frame(*taus("rf", [0.4], train_size=50), *taus("rf", [0.4], train_size=5, dataset="b"))
    found = largest_budget(tables_of(rows)[0])
    assert [(task, budget) for task, budget, _ in found] == [
        ("nasbench201/b", "5"),
        ("nasbench201/cifar10", "50"),
    ]


def test_nothing_measured_gives_no_table():
    assert tables_of(frame()) == []

import pandas as pd
from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.report.failures import failure_groups, gaps


def error(message, **fields):
    return {"status": "error", "error_type": "ValueError", "error_message": message, **fields}


def test_equal_ends_are_one_group_with_an_example():
    rows = frame(
        error("bad", seed=0, traceback="where"),
        error("bad", seed=1, predictor="gp", dataset="b"),
        error("worse"),
        {},
    )
    groups, rest = failure_groups(rows)
    assert rest == 0
    assert [(group.message, group.count) for group in groups] == [("bad", 2), ("worse", 1)]
    first = groups[0]
    assert first.predictors == ("gp", "rf")
    assert first.tasks == ("nasbench201/b", "nasbench201/cifar10")
    assert first.traceback == "where"
    assert first.example_key in set(rows["key"])
    assert first.error_type == "ValueError"


def test_status_separates_groups_and_missing_texts_are_empty():
    groups, _ = failure_groups(frame({"status": "lost"}, {"status": "degenerate", "seed": 1}))
    assert {group.status for group in groups} == {"lost", "degenerate"}
    assert all((group.message, group.full, group.error_type) == ("", "", "") for group in groups)


def test_rare_groups_are_counted_not_listed():
    rows = frame(*(error(f"message {i}", seed=i) for i in range(9)), error("message 0", seed=9))
    groups, rest = failure_groups(rows, most=3)
    assert len(groups) == 3
    assert groups[0].count == 2
    assert rest == 6


def test_long_messages_are_cut_with_both_ends_kept():
    message = "start " + "x" * 1_000_000 + " the cause"
    (group,), _ = failure_groups(frame(error(message)))
    assert len(group.message) <= 160
    assert group.full.startswith("start ")
    assert group.full.endswith(" the cause")
    assert "characters left out" in group.full
    assert len(group.full) < 10_000


def test_a_message_of_several_lines_keeps_them_in_full():
    (group,), _ = failure_groups(frame(error("one\n  two")))
    assert group.message == "one two"
    assert group.full == "one\n  two"


def test_all_texts_together_stay_small():
    rows = frame(*(error(f"{i} " + "y" * 100_000, seed=i, traceback="z" * 100_000) for i in range(40)))
    groups, _ = failure_groups(rows)
    assert sum(len(group.full) + len(group.traceback) for group in groups) < 350_000


def test_gaps_name_budgets_and_totals():
    task = {"predictor": "rf", "space": "nasbench201", "dataset": "cifar10", "epochs": None}
    expected = pd.DataFrame([{**task, "train_size": n, "seed": seed} for n in (5, 10) for seed in range(3)])
    rows = frame({"train_size": 5, "seed": 0}, *({"train_size": 10, "seed": s} for s in range(3)))
    (gap,) = gaps(summarize(rows, expected))
    assert (gap.label, gap.missing, gap.planned) == ("rf", 2, 6)
    assert gap.budgets == "n = 5: 2 of 3"


def test_no_failures_no_groups():
    assert failure_groups(frame({})) == ([], 0)
    assert gaps(summarize(frame({}))) == []

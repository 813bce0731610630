import io
import re

import pytest
from rich.console import Console
from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.report.terminal import render_table


def printed(summary, width=100, *, color=False, **options):
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=color, color_system="truecolor" if color else None
    )
    render_table(summary, console, **options)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_lines_fit_and_every_predictor_and_task_is_there(large_summary, width):
    text = printed(large_summary, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    heads = text.count("predictor")
    for label in large_summary["label"].unique():
        assert len(re.findall(rf"^\s*{re.escape(label)} ", text, re.MULTILINE)) == heads
    for word in ("darts", "nasbench101", "nasbench_nlp", "imagenet16-120"):
        assert text.count(word) == 1


def test_six_tasks_fit_side_by_side_in_120_columns(large_summary):
    assert printed(large_summary, 120).count("predictor") == 1


def test_best_first_with_intervals_and_marks(quick_summary):
    lines = printed(quick_summary).splitlines()
    names = [line.split()[0] for line in lines if re.search(r"\d\.\d{3} ±\.\d{3}", line)]
    assert set(names) == {"rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg", "params", "flops"}
    ngb = next(line for line in lines if line.split()[:1] == ["ngb"])
    assert "missing ?25" in ngb
    assert re.search(r"±\.\d{3} !\d", ngb)
    assert "!n trials failed (0 in the ranking); ?n trials missing." in lines
    assert any(line.startswith("Mean Kendall tau at n = 500") for line in lines)
    total = re.search(
        r"All budgets: ([\d,]+) ok, (\d+) degenerate, (\d+) failed, (\d+) missing", "\n".join(lines)
    )
    counted = [int(group.replace(",", "")) for group in total.groups()]
    assert counted == [
        int(quick_summary[f"n_{name}"].sum()) for name in ("ok", "degenerate", "failed", "missing")
    ]


def test_marks_without_occurrence_are_not_explained():
    text = printed(summarize(frame({"seed": 0}, {"seed": 1, "kendall": 0.6})))
    assert "failed" not in text
    assert "missing" not in text
    assert "0.550 ±.635" in text


def test_a_chosen_size_marks_smaller_budgets():
    summary = summarize(
        frame({"train_size": 5}, {"train_size": 50}, {"predictor": "gp", "train_size": 5, "kendall": 0.2})
    )
    text = printed(summary, train_size=50)
    assert "0.200 <" in text
    assert "< smaller budget than the column's" in text


def test_plain_is_ascii_without_styles(quick_summary):
    text = printed(quick_summary, color=True, plain=True)
    assert text.isascii()
    assert "\x1b" not in text
    assert "0.6" in text


def test_colours_mark_the_best(quick_summary):
    assert "\x1b[1;32m" in printed(quick_summary, color=True)


def test_names_are_not_taken_for_markup():
    summary = summarize(frame({"predictor": "[red]x[/red]", "dataset": "[bold]d"}))
    text = printed(summary)
    assert "[red]x[/red]" in text
    assert "[bold]d" in text


def test_long_names_are_shortened():
    text = printed(summarize(frame({"predictor": "p" * 200})))
    assert "p" * 20 in text
    assert max(map(len, text.splitlines())) <= 100


def test_no_results():
    assert printed(summarize(frame())).strip() == "No results yet."


def test_edge_cases_print(edge_rows):
    text = printed(summarize(edge_rows), 80)
    assert "nan" not in text
    assert max(map(len, text.splitlines())) <= 80

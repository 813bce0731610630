import itertools
import struct
import subprocess
import sys

import pytest
from rows_support import frame

from pipeline.aggregate import summarize
from pipeline.report.figures import curve_figure, heat_map_figure, render_pngs, save_pngs, time_figure


def size(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_large_study_has_all_figures(large_summary, tmp_path):
    paths = save_pngs(large_summary, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        "tau_by_train_size.png", "tau_by_epochs.png", "heat_map.png", "tau_by_time.png",
    ]  # fmt: skip
    for path in paths:
        width, height = size(path.read_bytes())
        assert 600 < width < 4000
        assert 400 < height < 4000


def test_figures_without_data_are_left_out(quick_summary):
    assert set(render_pngs(quick_summary)) == {"tau_by_train_size.png", "heat_map.png", "tau_by_time.png"}


def test_edge_cases_draw(edge_rows):
    pngs = render_pngs(summarize(edge_rows))
    assert ("heat_map.png" in pngs) == (not edge_rows.empty)
    assert all(min(size(png)) > 100 for png in pngs.values())


def test_curves_show_true_sizes_and_all_names(quick_summary):
    figure = curve_figure(quick_summary, "train_size")
    assert len(figure.axes) == 3
    for ax in figure.axes:
        assert [label.get_text() for label in ax.get_xticklabels()] == [
            "5",
            "10",
            "24",
            "50",
            "121",
            "250",
            "500",
        ]
        assert {text.get_text() for text in ax.texts} == set(quick_summary["label"])
        heights = sorted(text.get_position()[1] for text in ax.texts)
        assert min(b - a for a, b in itertools.pairwise(heights)) > 0.03
        assert len(ax.collections) == 6  # one band per swept predictor


def test_axis_is_logarithmic_in_time(quick_summary):
    figure = time_figure(quick_summary)
    assert len(figure.axes) == 6
    assert {ax.get_xscale() for ax in figure.axes} == {"log"}


def test_heat_map_hatches_what_is_missing(quick_summary):
    (ax,) = heat_map_figure(quick_summary).axes
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    at_size = quick_summary[(quick_summary["train_size"] == 500) | quick_summary["train_size"].isna()]
    assert len(hatched) == (at_size["n_missing"] > 0).sum()
    assert "missing 25 of 25" in [text.get_text() for text in ax.texts]


@pytest.mark.filterwarnings("ignore:Glyph")  # the default font has no Japanese
@pytest.mark.parametrize("name", ["a$b$_{", "日本 <b>", "x" * 300, r"\frac"])
def test_odd_names_are_drawn_as_they_are(name):
    rows = frame(*({"predictor": name, "dataset": name, "train_size": n} for n in (5, 50)))
    assert len(render_pngs(summarize(rows))) == 3


def test_global_state_of_matplotlib_is_not_used():
    code = (
        "import sys, matplotlib; sys.path[:0] = ['.', 'tests']\n"
        # Reading the parameter "backend" would itself import pyplot.
        "names = [name for name in matplotlib.rcParams if name != 'backend']\n"
        "state = lambda: [matplotlib.rcParams[name] for name in names]\n"
        "before = state()\n"
        "from rows_support import make\n"
        "from pipeline.aggregate import summarize\n"
        "from pipeline.report.figures import render_pngs\n"
        "render_pngs(summarize(make(('rf', 'params'), seeds=2).rows))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert state() == before"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

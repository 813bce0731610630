import itertools
import struct
import subprocess
import sys

import numpy as np
import pytest
from rows_support import CATALOG, frame

from pipeline.aggregate import summarize
from pipeline.report.curves import time_panels
from pipeline.report.figures import (
    curve_figure,
    heat_map_figure,
    region_figure,
    render_pngs,
    save_pngs,
    time_figure,
    view_figure,
)
from pipeline.report.map_plot import map_colors
from pipeline.report.regions import RegionMap
from pipeline.report.style import styles


def size(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_large_study_has_all_figures(large_summary, tmp_path):
    paths = save_pngs(large_summary, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        "tau_by_train_size.png", "tau_by_epochs.png", "heat_map.png", "tau_3d.png", "tau_by_time.png",
        "best_by_time.png",
    ]  # fmt: skip
    for path in paths:
        width, height = size(path.read_bytes())
        assert 600 < width < 4000
        assert 400 < height < 4000


def test_figures_without_data_are_left_out(quick_summary):
    timed = {"tau_3d.png", "tau_by_time.png", "best_by_time.png"}
    assert set(render_pngs(quick_summary)) == {"tau_by_train_size.png", "heat_map.png", *timed}


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


def test_view_names_every_predictor_and_clips_none(large_summary):
    figure = view_figure(large_summary[large_summary["task"] == "darts/cifar10"])
    names = [text for text in figure.texts if text.get_text() in set(CATALOG)]
    assert sorted(text.get_text() for text in names) == sorted(CATALOG)
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [text.get_window_extent() for text in names]
    assert min(box.x0 for box in boxes) > 0
    assert max(box.x1 for box in boxes) < width
    assert max(box.y1 for box in boxes) < height
    for half in ("left", "right"):
        column = sorted(text.get_position()[1] * height for text in names if text.get_ha() == half)
        assert min(b - a for a, b in itertools.pairwise(column)) > 9


def test_view_joins_the_settings_along_each_budget():
    rows = frame(
        *({"predictor": "rf", "train_size": n, "init_time_s": float(n)} for n in (5, 50, 500)),
        *(
            {"predictor": "lcsvr", "family": "hybrid", "train_size": n, "epochs": k, "query_time_s": float(k)}
            for n in (5, 50, 500)
            for k in (1, 20)
        ),
        {"predictor": "params", "family": "baseline", "train_size": None, "init_time_s": 0.0},
    )
    figure = view_figure(summarize(rows))
    figure.draw_without_rendering()
    (ax,) = figure.axes
    lines = [len(line.get_data_3d()[0]) for line in ax.lines if line.get_marker() == "None"]
    # Along the sizes one for rf and two for lcsvr, along the epochs three.
    assert sorted(lines) == [2, 2, 2, 3, 3, 3]
    (stems,) = ax.collections
    assert len(stems.get_segments()) == int(time_panels(summarize(rows))[0].front.sum())


def test_map_names_its_regions_and_what_is_near():
    def trial(name, family, init, query, tau, spread):
        shared = {"predictor": name, "family": family, "init_time_s": init, "query_time_s": query}
        return [{**shared, "seed": i, "kendall": tau + spread * (i - 1)} for i in range(3)]

    rows = frame(
        *trial("params", "baseline", 0.0, 1e-3, 0.4, 0.0),
        *trial("rf", "model_based", 1e4, 1e-3, 0.6, 0.05),
        *trial("gp", "model_based", 1e4, 1e-3, 0.59, 0.05),
        train_size=5,
    )
    (ax,) = region_figure(summarize(rows)).axes
    assert {text.get_text() for text in ax.texts} == {"params", "rf", "≈ gp"}
    assert ax.get_xticklabels()[0].get_text() == "0"


def test_neighbours_in_a_map_differ_in_colour():
    labels = ("rf", "sparse_gp", "lgb")
    own = styles(labels)
    assert own["rf"].color == own["sparse_gp"].color
    best = np.zeros((6, 9), dtype=np.intp)
    best[:, 4:] = 1
    best[:, 7:] = 2
    near = np.zeros((3, 6, 9), dtype=bool)
    colors = map_colors([RegionMap("t", labels, best, np.ones((6, 9)), near)], own)
    assert colors["rf"] == own["rf"].color  # the larger one keeps its own
    assert len(set(colors.values())) == 3


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
    assert len(render_pngs(summarize(rows))) == 5


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

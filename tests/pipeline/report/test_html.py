import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rows_support import CATALOG, SIX, frame, make

from pipeline.aggregate import summarize
from pipeline.report.facts import ReportMeta
from pipeline.report.html import render_html
from pipeline.rows import to_table

VOID = {"meta", "br", "input", "wbr"}
OPTIONAL = {"td", "th", "tr"}  # HTML lets their end tags be left out
SVG_EMPTY = {"use", "path", "line"}


class Page(HTMLParser):
    """Checks that tags close in order, and collects attributes, texts and cells."""

    def __init__(self, html):
        super().__init__()
        self.open, self.attributes, self.texts, self.headings, self.tags = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag in ("td", "th", "tr"):
            while self.open and self.open[-1] in OPTIONAL and (tag == "tr" or self.open[-1] != "tr"):
                self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in SVG_EMPTY, tag
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open[-1] != tag and self.open[-1] in OPTIONAL:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def having(self, name):
        return [attributes[name] for _, attributes in self.attributes if name in attributes]


def page_of(rows, expected=None, **meta):
    return render_html(summarize(rows, expected), rows, ReportMeta(**{"study": "demo", **meta}))


@pytest.fixture(scope="module")
def quick_html(quick, quick_summary):
    meta = ReportMeta(
        "demo", root="out/demo", wall_s=125.0, command="naspred run", notes=("a file is damaged",)
    )
    return render_html(quick_summary, quick.rows, meta)


@pytest.fixture(scope="module")
def large_html(large, large_summary):
    return render_html(large_summary, large.rows, ReportMeta("large"))


def test_page_is_well_formed_and_has_its_sections(quick_html):
    page = Page(quick_html)
    assert page.headings == [
        "Which predictor for this budget?",
        "Tau against training size",
        "Predictor by task",
        "Tau against time",
        "Failures and gaps",
        "All results",
        "Definitions and data",
    ]
    assert "a file is damaged" in page.text
    assert "naspred run" in page.text
    assert "2.1 min of the runs" in page.text


def test_large_page_is_well_formed_and_shows_all_four_experiments(large_html):
    page = Page(large_html)
    assert "Tau against epochs of partial training" in page.headings
    assert "Predictors with two budgets" in page.headings
    assert "Best predictor over both budgets" in page.text


def test_page_asks_nothing_of_the_network(large_html):
    page = Page(large_html)
    assert all(value.startswith("#") for value in page.having("href"))
    assert page.having("src") == []
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    style = large_html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in large_html.replace("http-equiv", "")
    script = large_html.split("<script>")[1].split("</script>")[0]
    assert not re.search(r"fetch|XMLHttp|WebSocket|import\(|eval", script)


def test_ids_are_unique_and_links_lead_somewhere(large_html):
    page = Page(large_html)
    ids = page.having("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in page.having("href")} <= set(ids)
    assert set(page.having("for")) <= set(ids)


def test_figures_and_tables_are_accessible(quick_html):
    page = Page(quick_html)
    charts = [
        attributes for tag, attributes in page.attributes if tag == "svg" and attributes.get("role") == "img"
    ]
    assert len(charts) == 3 + 2 * 3
    assert all(len(attributes["aria-label"]) > 20 for attributes in charts)
    heads = [attributes for tag, attributes in page.attributes if tag == "th"]
    assert heads
    assert all(attributes.get("scope") in ("row", "col") for attributes in heads)
    assert ("html", {"lang": "en"}) in page.attributes


def test_counts_at_the_top_agree_with_the_rows(quick_html, quick):
    text = Page(quick_html).text
    status = quick.rows["status"].value_counts()
    ok, planned = (f"{number:,}".replace(",", " ") for number in (status["ok"], len(quick.expected)))
    assert f"Trials ok {ok} of {planned} planned or run" in text
    assert f"Failed {len(quick.rows) - status['ok']} {status['degenerate']} of them degenerate" in text
    assert f"Missing {len(quick.expected) - len(quick.rows)} planned" in text


def test_missing_and_failed_cells_are_marked(quick_html):
    assert re.search(r'<td class="missing gap">missing<small>25 of 25</small>', quick_html)
    assert re.search(r"<small>\d+ of 25 failed</small>", quick_html)
    assert (
        "missing 25 of 25"
        not in Page(quick_html).text.split("Failures and gaps")[0].split("Predictor by task")[0]
    )


def test_every_predictor_keeps_its_colour_in_the_whole_page(large_html):
    found = {}
    for name, color in re.findall(r'class="(?:s|chip) c(\d)" data-s="([^"]+)"', large_html):
        found.setdefault(color, set()).add(name)
    assert len(found) >= 31
    assert all(len(colors) == 1 for colors in found.values())


def test_the_full_table_has_a_row_per_setting_with_raw_values_to_sort_by(quick_html, quick_summary):
    body = quick_html.split('aria-label="All results"')[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = body.strip().split("<tr")[1:]
    assert len(rows) == len(quick_summary)
    first = quick_summary.iloc[0]
    assert f'data-v="{first["init_time_s"]:.3g}"' in rows[0]
    assert f"{first['kendall_mean']:.3f}" in rows[0]


NASTY = '<script>alert("1")</script>&\'é日本</td>{{ 7*7 }}{% raw %}'


def test_names_and_messages_cannot_become_markup():
    error = {"status": "error", "error_type": NASTY, "error_message": NASTY, "traceback": NASTY, "seed": 5}
    rows = frame(
        *({"predictor": NASTY, "train_size": n, "seed": s} for n in (5, 50) for s in range(2)),
        {"predictor": NASTY, **error},
        {"predictor": "rf", "params": '{"a":"<i>"}', "train_size": None},
        **dict.fromkeys(("dataset", "host", "versions", "device", "family", "sampling"), NASTY),
    )
    html = page_of(rows, study=NASTY, root=NASTY, command=NASTY, notes=(NASTY,))
    page = Page(html)
    assert page.tags.count("script") == 1
    assert "alert" not in html.split("<script>")[1].split("</script>")[0]
    assert NASTY in page.text
    assert "49" not in page.text.replace(NASTY, "").split("Definitions")[0].split("Failures")[1]
    assert not [name for _, attributes in page.attributes for name in attributes if name.startswith("on")]


def test_edge_cases_render(edge_rows):
    page = Page(page_of(edge_rows))
    assert page.headings[-1] == "Definitions and data"
    assert ("No results yet" in page.headings) == edge_rows.empty
    assert ("All results" in page.headings) != edge_rows.empty
    assert {value[1:] for value in page.having("href")} <= set(page.having("id"))
    assert "nan" not in re.findall(r"[\w.]+", page.text.lower())
    assert "None" not in page.text.split("Load the rows")[0]


def test_nothing_ran_yet_shows_the_plan_as_missing():
    task = {"predictor": "rf", "space": "nasbench201", "dataset": "cifar10", "train_size": 5, "epochs": None}
    page = Page(page_of(frame(), pd.DataFrame([{**task, "seed": 0}, {**task, "seed": 1}])))
    assert "Missing 2 planned, no row yet" in page.text
    assert "n = 5: 2 of 2" in page.text


def test_one_task_and_one_seed_make_no_claim_of_an_interval():
    page = Page(page_of(make(tasks=("nasbench201/cifar10",), seeds=1, faults=False).rows))
    assert "no interval" in page.text
    assert "clear lead" not in page.text


def test_huge_message_is_cut_with_its_ends_in_details():
    rows = frame(
        {"status": "error", "error_type": "E", "error_message": "begin " + "<x>" * 500_000 + " end"},
        {"seed": 1},
    )
    html = page_of(rows)
    assert len(html) < 200_000
    details = html.split("full message</summary><pre>")[1].split("</pre>")[0]
    assert details.startswith("begin &lt;x&gt;")
    assert details.endswith(" end")


def test_the_largest_study_stays_below_three_megabytes():
    study = make(
        tuple(CATALOG), SIX, seeds=2,
        sizes=(5, 8, 14, 24, 42, 71, 121, 205, 347, 589, 1000),
        epochs=(1, 2, 3, 5, 7, 9, 13, 19, 26, 37, 52, 73, 102, 142, 199),
    )  # fmt: skip
    html = page_of(study.rows, study.expected)
    assert len(html.encode()) < 3_000_000
    assert "more rows left out here" in html


def test_the_code_on_the_page_loads_the_rows(tmp_path, capsys):
    rows = make(("rf", "params"), seeds=2, sizes=(5, 50), faults=False, gaps=False).rows
    again = rows.head(3).assign(status="error", kendall=np.nan)  # superseded attempts, not to be counted
    folder = tmp_path / "results" / "space=nasbench201-cifar10"
    folder.mkdir(parents=True)
    for i, part in enumerate((rows, again)):
        records = part.astype(object).where(part.notna(), None).to_dict("records")
        to_parquet(to_table(records), folder / f"part-s-{i}.parquet")
    html = page_of(rows, root=str(tmp_path))
    code = Page("<pre>" + html.split('<pre id="load">')[1].split("</pre>")[0] + "</pre>").texts[0]
    exec(compile(code, "page", "exec"), {})
    printed = capsys.readouterr().out
    expected = rows.groupby(["predictor", "dataset", "train_size"], dropna=False)["kendall"].mean()
    assert f"{expected['rf', 'cifar10', 50]:.6f}" in printed
    assert f"{expected['rf', 'cifar10', 5]:.6f}" in printed


def to_parquet(table, path):
    import pyarrow.parquet as pq

    pq.write_table(table, path)

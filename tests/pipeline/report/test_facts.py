from datetime import UTC, datetime

from rows_support import frame

from pipeline.report.facts import Facts


def at(minute):
    return datetime(2026, 3, 2, 10, minute, tzinfo=UTC)


def test_facts_come_from_the_rows():
    rows = frame(
        {
            "host": "b",
            "started_at": at(5),
            "finished_at": at(9),
            "fit_cpu_s": 2.0,
            "predict_cpu_s": 0.5,
            "peak_rss_mb": 7.0,
        },
        {
            "host": "a",
            "started_at": at(1),
            "finished_at": at(2),
            "fit_cpu_s": 1.0,
            "predict_cpu_s": None,
            "seed": 1,
        },
        versions='{"numpy": "2.0", "python": "3.11"}',
    )
    facts = Facts.of(rows)
    assert facts.hosts == ("a", "b")
    assert (facts.started, facts.finished, facts.span_s) == (at(1), at(9), 480.0)
    assert facts.cpu_s == 3.5
    assert facts.peak_rss_mb == 7.0
    assert facts.seeds == 2
    assert facts.versions == ("numpy 2.0, python 3.11",)


def test_versions_that_are_no_json_are_shown_as_they_are():
    assert Facts.of(frame({}, versions="numpy 2")).versions == ("numpy 2",)
    assert Facts.of(frame({}, versions="[1]")).versions == ("[1]",)


def test_no_rows():
    facts = Facts.of(frame())
    assert (facts.started, facts.span_s, facts.cpu_s, facts.hosts) == (None, None, 0.0, ())

import math

import pytest

from pipeline.report import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (2e-6, "2 µs"), (0.00034, "340 µs"), (0.0123, "12.3 ms"), (0.5, "500 ms"), (1.25, "1.2 s"),
        (59.94, "59.9 s"), (119, "119 s"), (150, "2.5 min"), (7300, "2 h"), (86400 * 3, "3 d"),
        (86400 * 700, "700 d"), (None, "–"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_seconds(value, shown):
    assert text.seconds(value) == shown


def test_tau_and_interval():
    assert text.tau(0.12345) == "0.123"
    assert text.tau(-0.5, 2) == "−0.50"
    assert text.tau(math.nan) == text.tau(None) == "–"
    assert text.interval(-0.1, 0.2) == "[−0.100, 0.200]"
    assert text.interval(math.nan, math.nan) == ""


def test_counts_and_plurals():
    assert text.count(1234567) == "1\u202f234\u202f567"
    assert text.plural(1, "trial") == "1 trial"
    assert text.plural(2, "trial") == "2 trials"


def test_shorten_marks_what_is_cut():
    assert text.shorten("short", 5) == "short"
    assert text.shorten("too long", 5) == "too…"


@pytest.mark.parametrize(
    ("n", "k", "shown"), [(5, None, "n = 5"), (None, 9, "k = 9"), (5, 9, "n = 5, k = 9"), (None, None, "")]
)
def test_budget(n, k, shown):
    assert text.budget(n, k) == shown

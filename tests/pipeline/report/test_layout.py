import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report import layout

positions = st.lists(st.floats(0, 100), min_size=1, max_size=30).map(np.array)


@settings(deadline=None)
@given(positions)
def test_spread_keeps_gap_range_and_order(wanted):
    placed = layout.spread(wanted, 5.0, 0.0, 300.0)
    assert (placed >= -1e-9).all()
    assert (placed <= 300 + 1e-9).all()
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(placed[order]) >= 5.0 - 1e-9).all()


@settings(deadline=None)
@given(positions)
def test_spread_moves_nothing_that_has_room(wanted):
    apart = np.sort(wanted) + 10.0 * np.arange(len(wanted))
    np.testing.assert_allclose(layout.spread(apart, 10.0, -10.0, 1000.0), apart, atol=1e-9)


def test_spread_is_the_least_squares_solution():
    # Two labels wanted at the same place go half a gap to either side.
    np.testing.assert_allclose(layout.spread(np.array([50.0, 50.0]), 10.0, 0.0, 100.0), [45.0, 55.0])


def test_spread_shrinks_the_gap_when_all_do_not_fit():
    placed = layout.spread(np.full(11, 3.0), 20.0, 0.0, 100.0)
    np.testing.assert_allclose(np.sort(placed), np.linspace(0, 100, 11))


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1))
def test_nice_range_holds_the_values_and_zero_on_tenths(a, b):
    low, high, ticks = layout.nice_range(min(a, b), max(a, b))
    assert low <= min(a, b, 0) + 1e-9
    assert high >= max(a, b) - 1e-9
    assert high > low
    assert 0 in ticks
    assert 2 <= len(ticks) <= 11
    assert all(abs(10 * tick - round(10 * tick)) < 1e-9 for tick in ticks)


def test_thin_keeps_the_last_and_the_gap():
    kept = layout.thin(np.array([0.0, 10.0, 15.0, 40.0, 41.0]), 12.0)
    assert kept == [0, 2, 4]


def test_time_ticks_have_human_units():
    names = [name for _, name in layout.time_ticks(0.5, 90000)]
    assert names == ["1 s", "10 s", "1 min", "10 min", "1 h", "1 d"]


def test_few_time_ticks_get_company():
    names = [name for _, name in layout.time_ticks(1e4, 6e5)]
    assert names == ["3 h", "10 h", "1 d", "3 d"]


def test_zero_stands_a_decade_below_the_smallest_positive_time():
    assert layout.log_floor(np.array([0.0, 0.03, 7.0])) == pytest.approx(1e-3)
    assert layout.log_floor(np.zeros(3)) > 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 100)), min_size=1, max_size=25), st.floats(5, 80))
def test_labels_overlap_neither_points_nor_labels(points, width):
    x, y = np.array(points).T
    spots = layout.place_labels(x, y, [width] * len(points), 10.0, (0.0, 300.0, 0.0, 100.0))
    boxes = [(a, a + width, b - 5, b + 5) for a, b in filter(None, spots)]
    for i, one in enumerate(boxes):
        assert one[0] >= 0
        assert one[1] <= 300
        for other in boxes[i + 1 :]:
            assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
        inside = (x > one[0]) & (x < one[1]) & (y > one[2]) & (y < one[3])
        assert not inside.any()


def test_a_lonely_point_is_named_on_its_right():
    ((left, middle),) = layout.place_labels(
        np.array([50.0]), np.array([50.0]), [30.0], 10.0, (0, 100, 0, 100)
    )
    assert left > 50
    assert middle == 50


def test_at_the_right_edge_the_name_goes_elsewhere():
    ((left, _),) = layout.place_labels(np.array([99.0]), np.array([50.0]), [30.0], 10.0, (0, 100, 0, 100))
    assert left + 30 < 99


def test_wide_letters_take_more_room():
    assert layout.text_width("日本語") > layout.text_width("abc")

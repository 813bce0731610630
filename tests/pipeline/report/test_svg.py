import xml.etree.ElementTree as ET

import numpy as np
import pytest

from pipeline.report import svg


def test_axis_maps_ends_and_logs():
    linear = svg.Axis(0.0, 1.0, 100.0, 0.0)
    assert linear.at(0.25) == 75
    log = svg.Axis(1.0, 100.0, 0.0, 200.0, log=True)
    assert log.at(10.0) == pytest.approx(100)


def test_line_breaks_at_gaps():
    path = svg.polyline(np.arange(5.0), np.array([1, 2, np.nan, 3, 4]), "line")
    assert path == '<path class="line" d="M0,1L1,2M3,3L4,4"/>'
    assert svg.polyline(np.arange(2.0), np.full(2, np.nan), "line") == ""


def test_band_has_one_part_per_run_and_skips_single_points():
    low = np.array([1, 1, np.nan, 1, np.nan, 2, 2])
    path = svg.band(np.arange(7.0), low, low + 1)
    assert path.count("M") == path.count("z") == 2
    assert svg.band(np.arange(2.0), np.full(2, np.nan), np.full(2, np.nan)) == ""


def test_text_is_escaped_everywhere():
    bad = "<script>\"x\" & 'y'</script>"
    body = [svg.label(0, 0, bad, "name"), svg.marker(0, 0, 0, "dot", bad)]
    document = svg.document(10, 10, bad, body)
    assert "<script" not in document
    root = ET.fromstring(document)
    assert root.attrib["aria-label"] == bad
    assert [element.text for element in root.iter() if element.text] == [bad, bad]


def test_definitions_hold_every_marker():
    root = ET.fromstring(svg.definitions())
    assert [path.attrib["id"] for path in root.iter("path")] == [f"m{i}" for i in range(8)]

"""A node dies, memory runs out: real Ray clusters in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests_support import ROOT

pytestmark = pytest.mark.ray


def child(name):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    script = Path(__file__).parent / name
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))


def test_a_node_that_dies_costs_time_but_no_result():
    document = child("cluster_child.py")
    assert document["killed_at"] is not None
    assert document["alive"] == 2  # the head and one worker node
    assert document["statuses"] == ["ok"]
    assert document["rows"] == document["distinct"] == document["planned"] == 52
    assert document["crashes"] >= 1  # it was hit while it worked


def test_a_task_that_eats_all_memory_is_lost_and_the_rest_goes_on():
    rows = child("memory_child.py")["rows"]
    statuses = {row["predictor"]: row["status"] for row in rows}
    assert statuses == {"hungry": "lost", "sleepy": "ok"}
    hungry = next(row for row in rows if row["predictor"] == "hungry")
    assert hungry["error_type"] == "OutOfMemoryError"
    assert len(rows) == 6

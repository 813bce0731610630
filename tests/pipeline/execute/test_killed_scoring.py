"""A resident evaluator dies while it scores a list: what it had stored is not computed again."""

import json
import os
import signal
import threading
import time

import pyarrow.parquet as pq
import pytest
from tests_support import PLUGINS

from pipeline.cost import CostModel
from pipeline.evaluate import Context
from pipeline.execute.scheduler import Scheduler
from pipeline.execute.serial import SerialBackend
from predictors import registry
from tasks.task import Task

SOURCE = (PLUGINS / "watched_scoring.py").read_text()
PLUGIN = (("watched_scoring.py", SOURCE),)


class Rows(list):
    """A sink that keeps the rows."""

    def take(self, result):
        self += result.rows

    def in_flight(self, tasks):
        pass


def run(backend, table, log, scores):
    registry.register_source(*PLUGIN[0])
    info = registry.get_info("watched")
    params = json.dumps({"log": str(log)}, separators=(",", ":"))
    tasks = [
        Task("watched", params, info.version, table.space.name, table.dataset.name, table.fingerprint,
             info.experiment, None, None, seed, "uniform", 12)
        for seed in range(2)
    ]  # fmt: skip
    sink, scheduler = Rows(), Scheduler(CostModel({"watched": info}))
    scheduler.add(tasks)
    context = Context("t", plugins=PLUGIN, scores=str(scores))
    backend.run(scheduler, {table.name: table}, context, sink)
    return sorted(sink, key=lambda row: row["seed"])


def stored(scores):
    """Architectures of all score files, one per row: what was computed and stored twice is there twice."""
    files = (scores / "scores").rglob("*.parquet")
    return [
        arch
        for file in files
        if not file.name.startswith(".")
        for arch in pq.read_table(file)["arch"].to_pylist()
    ]


def lines(log):
    """Process and architecture of every score begun, in order."""
    return [tuple(line.split(" ", 1)) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.ray
def test_no_stored_score_is_computed_again_after_its_actor_was_killed(local_ray, small_table, tmp_path):
    from pipeline.execute.ray_backend import RayBackend

    log, killed = tmp_path / "log", {}

    def kill():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(stored(tmp_path)) < 4:
            time.sleep(0.005)
        killed["pid"] = lines(log)[0][0]
        os.kill(int(killed["pid"]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    rows = run(RayBackend(), small_table, log, tmp_path)
    killer.join()

    assert [row["status"] for row in rows] == ["ok", "ok"], [row.get("error_message") for row in rows]
    begun = lines(log)
    first = [arch for pid, arch in begun if pid == killed["pid"]]
    later = [arch for pid, arch in begun if pid != killed["pid"]]
    assert len(first) >= 4
    assert len(later) >= 4
    # Every score once in the store; begun twice is at most the one under way, which was lost.
    kept = stored(tmp_path)
    assert len(kept) == len(set(kept))
    assert set(kept) == set(first) | set(later)
    assert len(set(later)) == len(later)
    assert len(set(first) & set(later)) <= 1
    undisturbed = run(SerialBackend(), small_table, tmp_path / "other", "")
    assert [row["kendall"] for row in rows] == [row["kendall"] for row in undisturbed]

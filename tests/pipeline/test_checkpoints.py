"""Supernets beside the results: whoever comes next goes on with what is there."""

import json
import multiprocessing
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.checkpoints import CheckpointStore
from pipeline.cost import CostModel
from pipeline.evaluate import Context, evaluate_batch
from pipeline.execute.scheduler import Scheduler
from pipeline.plan import make_plan
from pipeline.study import Study
from predictors import registry
from predictors.weight_sharing.checkpoints import CheckpointWarning, decode, using_checkpoints
from predictors.weight_sharing.paths import UniformPaths
from predictors.weight_sharing.trained import Design, forget_trained, load_pool, trained_supernet
from predictors.weight_sharing.training import Schedule
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE, TINY = NasBench201(), DatasetInfo("tiny", 3, 8, 1)
DESIGN = Design(SPACE, TINY, {"channels": 4, "cells": 1}, Schedule(4, 2, batch=8), UniformPaths(SPACE), 7)
PARAMS = {"images": "noise", "channels": 4, "cells": 1, "epochs": 3, "steps": 2, "batch": 8, "bn_batches": 1}

DIES_ONCE = """
import os
import signal
from pathlib import Path
from predictors.base import PredictorInfo
from predictors.weight_sharing.paths import UniformPaths
from predictors.weight_sharing.predictors import RandomSharing

class Deadly(UniformPaths):
    steps = []

    def step(self, rng):
        self.steps.append(1)
        marker = Path(MARKER)
        with marker.open("a") as file:
            file.write("step\\n")
        if len(self.steps) == 5 and len(marker.read_text().split()) == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(rng)

class DiesOnce(RandomSharing):
    info = PredictorInfo(name="dies_once", target="x:X", family="weight_sharing",
                         needs=frozenset({"images", "supernet"}), resident=True, packages=("torch",))

    def sampler_for(self, space):
        return Deadly(space)
"""


@pytest.fixture(autouse=True)
def _forgetful():
    forget_trained()
    yield
    forget_trained()


@pytest.fixture(scope="module")
def pool():
    return load_pool("noise", TINY, 100)


@pytest.fixture(scope="module")
def table(small_table):
    alive = small_table.space.is_connected(small_table.codes)
    rows = alive.nonzero()[0][:20]
    return replace(
        small_table,
        dataset=TINY,
        codes=small_table.codes[rows],
        canonical_ids=small_table.canonical_ids[rows],
        val_acc=small_table.val_acc[rows],
        train_time_s=small_table.train_time_s[rows],
    )


def _tasks(table, name="rsws", trials=1):
    study = Study(name="s", tasks=[table.name], predictors=[{"name": name, "params": PARAMS}],
                  trials=trials, test_size=10)  # fmt: skip
    plan = make_plan(study, {table.name: table})
    assert plan.skipped == []
    return plan.tasks


def _files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class _Stops(CheckpointStore):
    """Waits to be killed after the second checkpoint, with half a third one on disk."""

    written = 0

    def keep(self, name, data):
        self.written += 1
        if self.written == 3:
            folder = Path(self._files.root) / "checkpoints" / "nasbench201-tiny"
            (folder / f".{Path(name).name}.pt.tmp-1-1@x").write_bytes(data[: len(data) // 2])
            time.sleep(600)
        super().keep(name, data)


def _train(out, pool):
    with using_checkpoints(_Stops(str(out))):
        trained_supernet(DESIGN, pool)


def test_killed_in_the_middle_of_the_training(tmp_path, pool):
    whole = trained_supernet(DESIGN, pool).supernet.state_dict()
    forget_trained()
    child = multiprocessing.get_context("fork").Process(target=_train, args=(tmp_path, pool))
    child.start()
    deadline = time.monotonic() + 60
    while not any(name.endswith("tmp-1-1@x") for name in _files(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL

    store = CheckpointStore(str(tmp_path))
    name = f"nasbench201-tiny/{DESIGN.name(pool)}"
    left = decode(store.find(name), name, "cpu")
    assert left["epoch"] == 2
    with using_checkpoints(store):
        again = trained_supernet(DESIGN, pool)
    assert decode(store.find(name), name, "cpu")["epoch"] == 4
    assert again.seconds > left["seconds"]
    found = again.supernet.state_dict()
    assert all(torch.equal(tensor, found[key]) for key, tensor in whole.items())


def test_rows_of_a_study_and_of_the_next_one(table, tmp_path):
    tasks = _tasks(table, trials=2)
    context = Context("s", scores=str(tmp_path))

    def run():
        rows, left = [], tasks
        while left:  # a slow machine hands some back
            result = evaluate_batch(left, table, context)
            rows, left = rows + result.rows, result.unfinished
        return rows

    rows = run()
    files = _files(tmp_path)
    assert [row["status"] for row in rows] == ["ok", "ok"], [row.get("error_message") for row in rows]
    assert len(files) == 2
    assert all(name.startswith("checkpoints/nasbench201-tiny/") and name.endswith(".pt") for name in files)
    for row in rows:
        assert row["setup_time_s"] > 0
        assert row["init_time_s"] == row["setup_time_s"]
        assert 0 < row["query_time_s"] == row["predict_time_s"]
    forget_trained()
    again = run()
    assert _files(tmp_path) == files
    for column in ("kendall", "setup_time_s", "init_time_s"):
        assert [row[column] for row in again] == [row[column] for row in rows]


def test_a_file_that_cannot_be_used(tmp_path):
    store = CheckpointStore(str(tmp_path))
    assert store.find("a/b") is None
    store.keep("a/b", b"one")
    store.keep("a/b", b"two")
    assert store.find("a/b") == b"two"
    assert _files(tmp_path) == ["checkpoints/a/b.pt"]
    (tmp_path / "checkpoints" / "a" / "c.pt").mkdir()
    with pytest.warns(CheckpointWarning, match="checkpoint a/c"):
        assert store.find("a/c") is None


def test_nothing_is_made_where_there_is_no_store(tmp_path):
    store = CheckpointStore(str(tmp_path / "elsewhere"))
    store.keep("a/b", b"x")
    assert not (tmp_path / "elsewhere").exists()


def test_object_stores():
    store = CheckpointStore("memory://checkpoint-test/x")
    store.keep("a/b", b"one")
    assert CheckpointStore("memory://checkpoint-test/x").find("a/b") == b"one"
    assert store.find("a/c") is None


@pytest.mark.ray
def test_an_actor_that_is_killed_goes_on_with_the_last_checkpoint(table, tmp_path, local_ray):
    from pipeline.execute.ray_backend import RayBackend

    marker = tmp_path / "steps"
    source = f"MARKER = {str(marker)!r}\n{DIES_ONCE}"
    registry.register_source("dies.py", source)
    rows = []

    class Sink:
        def take(self, result):
            rows.extend(result.rows)

        def in_flight(self, tasks):
            pass

    tasks = _tasks(table, "dies_once")
    out = tmp_path / "out"
    out.mkdir()
    context = Context("s", scores=str(out), plugins=(("dies.py", source),))
    scheduler = Scheduler(CostModel({"dies_once": registry.get_info("dies_once")}))
    scheduler.add(tasks)
    RayBackend().run(scheduler, {table.name: table}, context, Sink())
    (row,) = rows
    assert row["status"] == "ok", row["error_message"]
    # Six steps in three epochs; the actor died at the fifth, the first of the last epoch.
    assert len(marker.read_text().split()) == 5 + 2
    assert len(_files(out)) == 1

    plain = json.loads(tasks[0].params)
    same = registry.create("rsws", plain, seed=tasks[0].model_seed)
    assert same.get_params() == registry.create("dies_once", plain, seed=tasks[0].model_seed).get_params()

"""Several workers on one trial: each zero-cost score is computed once."""

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace

import pytest

import pipeline.evaluate
from pipeline.cost import CostModel
from pipeline.execute.scheduler import Scheduler
from pipeline.plan import make_plan
from pipeline.run import context_of
from pipeline.scores import SCORE_SCHEMA, ScoreStore
from pipeline.store import ResultStore
from pipeline.study import Study
from predictors.zero_cost import score_archs
from predictors.zero_cost.scoring import ProxyScore
from tasks.spaces.base import DatasetInfo

NAMES = ("grasp", "jacov", "snip", "synflow")
NETWORK = {"images": "noise", "batch": 6, "channels": 4, "cells": 1}


class Workers:
    """A backend of threads, which know of each other's scores what is in the store."""

    def __init__(self, slots):
        self.slots = slots

    def run(self, scheduler, tables, work, rows):
        flights = {}
        with ThreadPoolExecutor(self.slots) as pool:
            while True:
                while len(flights) < self.slots and (batch := scheduler.next_batch()) is not None:
                    flights[pool.submit(work.evaluate, batch.tasks, tables[batch.table])] = batch
                if not flights:
                    return
                for done in wait(flights, return_when=FIRST_COMPLETED).done:
                    result = done.result()
                    scheduler.finished(flights.pop(done), result.rows, result.unfinished)
                    rows += result.rows


@pytest.fixture
def made_up(monkeypatch):
    """Networks that are scored in no time, and how often each was."""
    scored = Counter()

    def score(query, arch, names, _pool, setting):
        scored[arch, setting] += 1
        time.sleep(0.002)
        return {name: ProxyScore(float(sum(arch) + len(name)), 0.002) for name in names}

    monkeypatch.setattr(score_archs, "_score", score)
    # As in processes of their own: nothing is known but what was read from the store.
    monkeypatch.setattr(pipeline.evaluate, "open_scores", ScoreStore)
    return scored


def run(table, out, predictors, slots=2):
    table = replace(table, dataset=DatasetInfo("tiny", 3, 8, 1))
    study = Study(
        name="s", tasks=[table.name], predictors=predictors, train_sizes=[5, 30], trials=1, test_size=20
    )
    plan = make_plan(study, {table.name: table})
    assert plan.skipped == []
    scheduler, rows = Scheduler(CostModel(plan.infos)), []
    scheduler.add(plan.tasks)
    planned = [(task.predictor, task.params) for task in plan.tasks]
    Workers(slots).run(scheduler, {table.name: table}, context_of(study, out=str(out), planned=planned), rows)
    assert Counter(row["key"] for row in rows) == Counter(task.key for task in plan.tasks)
    assert {row["status"] for row in rows} == {"ok"}, [row["error_message"] for row in rows]
    return ResultStore(out, folder="scores", schema=SCORE_SCHEMA)


def rows_by_key(store, out):
    """How many stored rows each score has, those that a reader drops included."""
    import pyarrow.parquet as pq

    files = sorted((out / "scores").rglob("*.parquet"))
    counts = Counter(key for file in files for key in pq.read_table(file)["key"].to_pylist())
    assert len(counts) == store.read().num_rows
    return counts


@pytest.mark.parametrize("slots", [2, 6])
def test_a_trial_is_scored_once_however_many_work_on_it(small_table, tmp_path, made_up, slots):
    store = run(small_table, tmp_path, [{"name": name, "params": NETWORK} for name in NAMES], slots)
    counts = rows_by_key(store, tmp_path)
    assert len(counts) == 20 * len(NAMES)
    assert set(counts.values()) == {1}
    assert set(made_up.values()) == {1}
    assert len(made_up) == 20


def test_other_settings_and_training_sets(small_table, tmp_path, made_up):
    omni = {"features": ["encoding", "jacov"], "model": "bayes_lin_reg", **NETWORK}
    other = NETWORK | {"batch": 7}
    entries = [("snip", NETWORK), ("jacov", NETWORK), ("synflow", other), ("omni", omni)]
    store = run(small_table, tmp_path, [{"name": name, "params": params} for name, params in entries], 4)
    counts = rows_by_key(store, tmp_path)
    # 20 test and 30 training architectures; the proxy of the other setting is computed for itself.
    assert len(counts) == 50 * 2 + 20
    assert set(counts.values()) == {1}
    assert set(made_up.values()) == {1}


def test_without_the_scheduler_scores_would_be_computed_twice(small_table, tmp_path, made_up, monkeypatch):
    monkeypatch.setattr(CostModel, "shared", lambda *_: None)
    store = run(small_table, tmp_path, [{"name": name, "params": NETWORK} for name in NAMES])
    assert max(rows_by_key(store, tmp_path).values()) == 2
    assert sum(made_up.values()) > 20

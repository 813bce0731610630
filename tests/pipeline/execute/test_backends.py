"""Both backends run the same plans to the same results, and survive what goes wrong in them."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from tests_support import FAULTS

from pipeline.cost import CostModel
from pipeline.evaluate import Context
from pipeline.execute.scheduler import Scheduler
from pipeline.execute.serial import SerialBackend
from predictors import registry
from tasks.task import Task

SOURCE = FAULTS.read_text()


class Collected:
    """A sink that keeps what it is given."""

    def __init__(self):
        self.rows, self.predictions = [], []

    def take(self, result):
        self.rows += result.rows
        if result.predictions is not None:
            self.predictions.append(result.predictions)

    def in_flight(self, tasks):
        pass


def context(**changes):
    return Context("t", plugins=(("faults.py", SOURCE),), **changes)


def tasks_of(table, predictor, sizes=(5, 20), seeds=4):
    info = registry.get_info(predictor)
    sizes = sizes if "labels" in info.needs else (None,)
    return [
        Task(predictor, "{}", info.version, table.space.name, table.dataset.name, table.fingerprint,
             info.experiment, size, None, seed, "uniform", 50)
        for size in sizes for seed in range(seeds)
    ]  # fmt: skip


def run(backend, table, tasks, **changes):
    registry.register_source("faults.py", SOURCE)
    sink = Collected()
    scheduler = Scheduler(CostModel({task.predictor: registry.get_info(task.predictor) for task in tasks}))
    scheduler.add(tasks)
    backend.run(scheduler, {table.name: table}, context(**changes), sink)
    assert sorted(row["key"] for row in sink.rows) == sorted(task.key for task in tasks)
    return sink


def by_key(rows):
    return {row["key"]: row for row in rows}


@pytest.fixture(scope="module", autouse=True)
def _faults():
    registry.register_source("faults.py", SOURCE)


@pytest.fixture
def serial():
    return SerialBackend()


@pytest.fixture
def on_ray(local_ray):
    from pipeline.execute.ray_backend import RayBackend

    return RayBackend()


@pytest.fixture(params=["serial", pytest.param("on_ray", marks=pytest.mark.ray)])
def backend(request):
    return request.getfixturevalue(request.param)


@pytest.mark.ray
def test_ray_and_serial_give_the_same_numbers(serial, on_ray, small_table):
    tasks = [*tasks_of(small_table, "rf"), *tasks_of(small_table, "params")]
    ours, theirs = (by_key(run(b, small_table, tasks).rows) for b in (serial, on_ray))
    for key, row in ours.items():
        assert row["status"] == theirs[key]["status"] == "ok"
        for column in ("kendall", "spearman", "pearson", "precision_10", "mae", "train_data_time_s", "seed"):
            assert row[column] == theirs[key][column], column


def test_times_are_those_of_the_design(backend, small_table):
    rows = run(backend, small_table, [*tasks_of(small_table, "rf"), *tasks_of(small_table, "flops")]).rows
    for row in rows:
        total = row["train_data_time_s"] + row["hpo_time_s"] + row["fit_time_s"] + row["setup_time_s"]
        assert row["init_time_s"] == pytest.approx(total)
        assert row["query_time_s"] == pytest.approx(row["partial_train_time_s"] + row["predict_time_s"])
        if row["predictor"] == "flops":
            assert row["train_data_time_s"] == 0.0
            assert row["mae"] is None
            assert row["kendall_1dec"] is None
        else:
            assert row["train_data_time_s"] >= 1000.0 * row["train_size"]
            assert row["fit_cpu_s"] > 0


def test_an_exception_is_a_row(backend, small_table):
    rows = run(backend, small_table, tasks_of(small_table, "raises_for_some", seeds=10)).rows
    failed = [row for row in rows if row["status"] != "ok"]
    assert 0 < len(failed) < len(rows)
    for row in failed:
        assert (row["status"], row["error_type"]) == ("error", "RuntimeError")
        assert "is unlucky" in row["error_message"]
        assert "_fit" in row["traceback"]
        assert row.get("kendall") is None


def test_an_exception_that_cannot_be_pickled_is_a_row(backend, small_table):
    for row in run(backend, small_table, tasks_of(small_table, "unpicklable", seeds=2)).rows:
        assert (row["status"], row["error_type"]) == ("error", "BadError")


@pytest.mark.parametrize(
    ("predictor", "reason"),
    [("not_a_number", "50 of 50 predictions are not finite"), ("constant", "all 50 predictions are equal")],
)
def test_useless_predictions_are_degenerate_without_metrics(backend, small_table, predictor, reason):
    for row in run(backend, small_table, tasks_of(small_table, predictor, seeds=2)).rows:
        assert (row["status"], row["error_message"]) == ("degenerate", reason)
        assert row.get("kendall") is None
        assert row.get("mae") is None


def test_a_hanging_task_times_out(backend, small_table):
    tasks = [*tasks_of(small_table, "hangs", sizes=(5,), seeds=1), *tasks_of(small_table, "fine", seeds=2)]
    rows = run(backend, small_table, tasks, task_timeout_s=0.5).rows
    statuses = {row["predictor"]: row["status"] for row in rows}
    assert statuses == {"hangs": "timeout", "fine": "ok"}


def test_predictions_when_asked_for(backend, small_table):
    tasks = tasks_of(small_table, "fine", sizes=(5,), seeds=2)
    sink = run(backend, small_table, tasks, save_predictions=True)
    frame = np.concatenate([table["y_true"].to_numpy() for table in sink.predictions])
    assert frame.shape == (100,)
    assert run(backend, small_table, tasks).predictions == []


@pytest.mark.ray
def test_a_worker_that_dies_costs_only_the_guilty_task(on_ray, small_table):
    tasks = tasks_of(small_table, "segfaults_for_some", seeds=10)
    rows = run(on_ray, small_table, tasks).rows
    lost = [row for row in rows if row["status"] == "lost"]
    guilty = {task.key for task in tasks if task.model_seed % 5 == 0}
    assert {row["key"] for row in lost} == guilty
    assert guilty
    assert {row["status"] for row in rows if row["key"] not in guilty} == {"ok"}
    assert {row["attempts"] for row in lost} == {3}
    assert all("worker" in row["error_message"] for row in lost)


@pytest.mark.ray
def test_a_killed_worker_is_lost_not_fatal(on_ray, small_table):
    tasks = [*tasks_of(small_table, "killed", sizes=(5,), seeds=1), *tasks_of(small_table, "fine", seeds=2)]
    statuses = {row["predictor"]: row["status"] for row in run(on_ray, small_table, tasks).rows}
    assert statuses == {"killed": "lost", "fine": "ok"}


@pytest.mark.ray
def test_a_hang_that_no_signal_reaches_is_killed(on_ray, small_table, monkeypatch):
    monkeypatch.setattr("pipeline.execute.ray_backend.GRACE_S", 1.0)
    tasks = [
        *tasks_of(small_table, "hangs_in_c", sizes=(5,), seeds=1),
        *tasks_of(small_table, "fine", seeds=3),
    ]
    rows = run(on_ray, small_table, tasks, task_timeout_s=1.0).rows
    assert {row["predictor"]: row["status"] for row in rows} == {"hangs_in_c": "timeout", "fine": "ok"}


@pytest.mark.ray
def test_an_actor_that_is_killed_by_each_call_is_given_up(on_ray, small_table, monkeypatch):
    monkeypatch.setattr("pipeline.execute.ray_backend._ACTOR_LOOK_S", 0.5)
    tasks = [
        *tasks_of(small_table, "resident_killer", seeds=1),
        *tasks_of(small_table, "resident_fine", seeds=3),
    ]
    rows = run(on_ray, small_table, tasks).rows
    assert {row["predictor"]: row["status"] for row in rows} == {
        "resident_killer": "lost",
        "resident_fine": "ok",
    }


@pytest.mark.ray
def test_actors_are_gone_after_their_stage(on_ray, small_table, local_ray):
    run(on_ray, small_table, tasks_of(small_table, "params", seeds=5))
    free = local_ray.available_resources()
    for _ in range(50):
        if free.get("CPU") == 2.0:
            break
        threading.Event().wait(0.1)
        free = local_ray.available_resources()
    assert free.get("CPU") == 2.0


def test_a_search_is_timed_apart_and_its_choice_is_in_the_row(serial, small_table):
    task = tasks_of(small_table, "rf", sizes=(40,), seeds=1)[0]
    searched = replace(task, params='{"hpo":{"configs":3,"folds":3,"max_time_s":null}}')
    plain, tuned = (run(serial, small_table, [one]).rows[0] for one in (task, searched))
    assert tuned["status"] == "ok"
    assert tuned["hpo_configs"] == 3
    assert tuned["chosen_params"].startswith("{")
    assert tuned["hpo_time_s"] > tuned["fit_time_s"] > 0
    assert tuned["init_time_s"] == pytest.approx(
        tuned["train_data_time_s"] + tuned["hpo_time_s"] + tuned["fit_time_s"]
    )
    assert plain["hpo_time_s"] == 0
    assert plain.get("hpo_configs") is None


def test_tasks_of_a_batch_are_fitted_together_and_share_the_cost(serial, small_table):
    rows = run(serial, small_table, tasks_of(small_table, "joint_only", sizes=(20,), seeds=4)).rows
    assert {row["status"] for row in rows} == {"ok"}
    for row in rows:
        assert 0.05 <= row["fit_time_s"] < 0.2  # a quarter of .2 s, and what a busy machine adds


def test_a_member_that_spoils_the_joint_fit_fails_alone(serial, small_table):
    tasks = tasks_of(small_table, "joint", seeds=10)
    rows = by_key(run(serial, small_table, tasks).rows)
    guilty = {task.key for task in tasks if task.model_seed % 5 == 0}
    assert guilty
    assert {key for key, row in rows.items() if row["status"] == "error"} == guilty


@pytest.mark.parametrize("predictor", ["sparse_gp", "var_sparse_gp", "gcn", "dngo"])
def test_fitted_together_or_alone_a_predictor_ranks_the_same(serial, small_table, predictor, monkeypatch):
    tasks = tasks_of(small_table, predictor, sizes=(8, 20), seeds=2)
    together = by_key(run(serial, small_table, tasks).rows)
    monkeypatch.setattr("pipeline.evaluate._fits_together", lambda kind: False)
    alone = by_key(run(serial, small_table, tasks).rows)
    for key, row in together.items():
        assert row["status"] == alone[key]["status"] == "ok"
        assert row["kendall"] == pytest.approx(alone[key]["kendall"], abs=0.02)

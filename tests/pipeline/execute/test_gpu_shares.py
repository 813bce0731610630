"""Evaluators with shares of a GPU, on a device that only the scheduler believes in."""

import pytest
from tests_support import PLUGINS

from pipeline.commands.run import RunSettings, run
from pipeline.cost import CostModel
from pipeline.evaluate import Context
from pipeline.execute import session
from pipeline.execute.scheduler import Scheduler
from pipeline.store import ResultStore
from pipeline.study import Study
from predictors import registry
from tasks.errors import InputError
from tasks.task import Task

SOURCE = (PLUGINS / "placed.py").read_text()
PLUGIN = (("placed.py", SOURCE),)


class Rows(list):
    """A sink that keeps the rows."""

    def take(self, result):
        self += result.rows

    def in_flight(self, tasks):
        pass


def tasks_of(table, predictor, log, seeds):
    info = registry.get_info(predictor)
    params = f'{{"log":"{log}"}}'
    return [
        Task(predictor, params, info.version, table.space.name, table.dataset.name, table.fingerprint,
             info.experiment, None, None, seed, "uniform", 10)
        for seed in range(seeds)
    ]  # fmt: skip


@pytest.mark.ray
def test_four_evaluators_share_a_device_and_others_follow_when_they_are_gone(
    local_ray, small_table, tmp_path, monkeypatch
):
    from pipeline.execute.ray_backend import RayBackend

    registry.register_source(*PLUGIN[0])
    # Two CPUs for four of them; with more to do than four can be placed for.
    monkeypatch.setattr("pipeline.execute.ray_backend._ACTOR_CPUS", 0.5)
    log = tmp_path / "log"
    names = ("placed_on_gpu", "placed_on_cpu")
    tasks = [task for name in names for task in tasks_of(small_table, name, log, seeds=8)]
    scheduler = Scheduler(CostModel({name: registry.get_info(name) for name in names}))
    scheduler.add(tasks)
    rows = Rows()
    RayBackend().run(scheduler, {small_table.name: small_table}, Context("t", plugins=PLUGIN), rows)

    assert sorted(row["key"] for row in rows) == sorted(task.key for task in tasks)
    assert {row["status"] for row in rows} == {"ok"}, [row.get("error_message") for row in rows]
    seen = [line.split() for line in log.read_text().splitlines()]
    on_gpu = {pid for pid, devices in seen if devices == "[0]"}
    on_cpu = {pid for pid, devices in seen if devices == "[]"}
    assert len(on_gpu) == 4
    assert 1 <= len(on_cpu) <= 4
    assert not on_gpu & on_cpu


def test_a_plan_that_no_node_type_has_the_gpu_for_is_refused_before_it_starts(tmp_path, monkeypatch):
    class Connected:
        def __enter__(self):
            pass

        def __exit__(self, *rest):
            pass

    # Nodes with many CPUs and without a GPU, and no other node types.
    monkeypatch.setattr(session, "ray_session", lambda *_, **__: Connected())
    monkeypatch.setattr(session, "node_offers", lambda: ([{"CPU": 64.0}, {"CPU": 8.0}], True))
    monkeypatch.setattr("pipeline.commands.run.execute", lambda *_: pytest.fail("it has started"))
    study = Study(
        name="s", tasks=["nasbench201/cifar10"], predictors=["gcn", "params"], train_sizes=[5], trials=1
    )
    out = tmp_path / "out"
    expected = r"needs a node with 1 CPU, 0\.25 GPU; the largest offered are 64 CPU, 0 GPU"
    with pytest.raises(InputError, match=expected):
        run(study, RunSettings(out=str(out), device="cuda", json=True))
    assert not ResultStore(out).has_results()

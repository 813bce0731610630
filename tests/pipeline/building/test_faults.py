"""Builds that are killed, interrupted, or lose a worker; and one that really trains."""

import json
import signal
import time

import numpy as np
import pytest
from building_support import same_numbers
from tests_support import PLUGINS, ROOT, Command

from pipeline.building.build_file import make_build
from pipeline.building.plan import make_plan
from pipeline.building.rows import training_store
from pipeline.building.run import execute, write_benchmark
from pipeline.commands.build import BuildSettings, build, build_from_options
from pipeline.execute.serial import SerialBackend
from pipeline.progress import Silent
from tasks.benchmarks.user_table import read_user_table
from tasks.errors import InputError
from tasks.spaces.dag import DagSpace

TOY = PLUGINS / "toy_space.py"
ARCHS, PER_BATCH = 100, 2
"""Architectures of a build that is killed; most of them in a batch: 2 trainings last the 0.1 s of one."""


def start(log, *arguments):
    """Start a builder whose trainings last 0.05 s, and which makes small batches."""
    return Command(
        *("bench", "build", "toy", "--plugin", TOY, "--archs", ARCHS, "--runs", 2, *arguments),
        env={"TOY_SECONDS": "0.05", "TOY_LOG": str(log)},
        before="import pipeline.building.cost; pipeline.building.cost.TARGET_S = 0.1",
    )


def ended(log):
    """Architectures whose training has come to its end, in any process."""
    return log.read_text().splitlines() if log.exists() else []


def wait_for_trainings(log, count, process):
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if len(ended(log)) >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {count} trainings in time")


def kept(out):
    rows = training_store(str(out)).read().to_pandas().set_index("key")
    assert rows.index.is_unique
    return rows


@pytest.mark.parametrize(
    ("sent", "where", "batches"),
    [
        (signal.SIGKILL, ["--serial"], 1),
        (signal.SIGINT, ["--serial"], 1),
        pytest.param(signal.SIGKILL, ["--num-cpus", 2], 4, marks=pytest.mark.ray),  # see RayBackend's window
    ],
)
def test_a_build_that_is_stopped_loses_the_batches_in_flight_only(tmp_path, sent, where, batches):
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(log, *where, "--out", out)
    try:
        wait_for_trainings(log, 20, process)
    finally:
        process.send_signal(sent)
        said, _ = process.communicate()
    assert process.returncode == (130 if sent == signal.SIGINT else -sent)
    before = kept(out)
    assert len(before) < ARCHS
    lost = set(ended(log)) - set(before["arch"])
    assert len(lost) <= batches * PER_BATCH
    if sent == signal.SIGINT:
        assert "Run the same command to go on" in said.replace("\n", " ")
    assert not list(out.glob("*.parquet"))

    chosen = make_build({"space": "toy", "plugins": [str(TOY)], "archs": ARCHS, "runs": 2}, "test")
    store = training_store(str(out))
    _, partial = write_benchmark(make_plan(chosen, store), store, tmp_path / "partial.parquet")
    assert len(partial) == len(before)

    plan = make_plan(chosen, store)
    assert plan.done == len(before)
    execute(plan, store, SerialBackend(), Silent(), "cpu")
    _, resumed = write_benchmark(plan, store, None)
    after = kept(out)
    assert (after.loc[before.index, "started_at"] == before["started_at"]).all()

    whole = training_store(str(tmp_path / "whole"))
    plan = make_plan(chosen, whole)
    execute(plan, whole, SerialBackend(), Silent(), "cpu")
    _, uninterrupted = write_benchmark(plan, whole, None)
    same_numbers(resumed, uninterrupted)


@pytest.mark.ray
def test_on_ray_a_worker_that_dies_costs_its_architecture_only(tmp_path, local_ray):
    from pipeline.execute.ray_backend import RayBackend

    tables = {}
    for name, backend, fails in (("ray", RayBackend(), "kill:9"), ("serial", SerialBackend(), "error:9")):
        chosen = make_build(
            {"space": "toy", "plugins": [str(TOY)], "archs": 12, "runs": 3, "fails": fails}, "test"
        )
        store = training_store(str(tmp_path / name))
        plan = make_plan(chosen, store)
        summary = execute(plan, store, backend, Silent(), "cpu")
        tables[name] = write_benchmark(plan, store, None)[1]
        guilty = [job for job in plan.todo if sum(job.arch) % 10 == 9]
        assert len(guilty) == 1
        assert dict(summary.statuses) == {"ok": 11, {"ray": "lost", "serial": "error"}[name]: 1}
    # Another fault is another recipe, hence other seeds; but the same architectures.
    assert tables["ray"].codes.tolist() == tables["serial"].codes.tolist()


def test_real_networks_are_trained_on_a_file_of_images(tmp_path, capsys):
    rng = np.random.default_rng(0)
    images = {f"x_{part}": rng.random((40, 8, 8), dtype=np.float32) for part in ("train", "val", "test")}
    labels = {f"y_{part}": rng.permutation(40) % 2 for part in ("train", "val", "test")}
    np.savez(tmp_path / "mine.npz", **images, **labels)
    sizes = ["epochs=2", "steps_per_epoch=2", "batch_size=8", "val_size=40", "test_size=40", "channels=2"]
    table = tmp_path / "tables" / "mine.parquet"
    changes = {"dataset": str(tmp_path / "mine.npz"), "archs": 2, "runs": 2}
    settings = BuildSettings(out=str(tmp_path / "out"), table=table, serial=True, json=True)
    assert build(build_from_options("nasbench201", changes, sizes, []), settings) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["build"], document["statuses"]) == ("nasbench201-mine", {"ok": 2})
    facts = document["table"]
    assert (facts["task"], facts["architectures"], facts["epochs"]) == ("nasbench201/mine", 2, 2)
    measured = {"params", "flops", "val_loss", "val_acc_curve", "test_acc", "epoch_time_s"}
    assert measured <= set(facts["columns"])
    assert facts["recipe"]["steps_per_epoch"] == 2
    assert facts["noise_ceiling"]["val_loss"]["runs"] == 2
    assert len(read_user_table(table)) == 2


def test_a_space_of_ones_own_becomes_a_benchmark(tmp_path, capsys):
    few = ["epochs=1", "steps_per_epoch=1", "batch_size=8", "val_size=300", "test_size=300", "channels=2"]
    chosen = build_from_options(
        "small_cells", {"archs": 4, "runs": 2}, few, [ROOT / "examples" / "own_space.py"]
    )
    assert build(chosen, BuildSettings(out=str(tmp_path), serial=True, json=True)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["statuses"] == {"ok": 4}
    # The file describes the cells, so that reading it needs no plug-in.
    table = read_user_table(document["table"]["path"])
    assert (table.name, len(table), table.space.vertices) == ("small_cells/digits", 4, 5)
    assert type(table.space) is DagSpace


@pytest.mark.parametrize(
    ("target", "options", "settings", "expected"),
    [
        ("nasbench202", [], {}, "did you mean 'nasbench201'"),
        ("nothing.yaml", [], {}, "nothing.yaml: no such build file"),
        ("nasbench201", ["epochs"], {}, "give field=value"),
        ("nasbench201", [], {"gpus": 0.3}, "allowed shares of a GPU are 0, 0.25, 0.5, 1"),
        ("nasbench201", ["archs=2"], {"table_only": True}, "build it first"),
        ("nasbench201", ["archs=2"], {"gpus": 1.0, "serial": True}, "CUDA is not available"),
        ("nasbench201", ["archs=2"], {"gpus": 1.0, "dry_run": True}, "CUDA is not available"),
        ("darts", ["archs=2", "cells=1"], {"serial": True}, "build darts-digits: .*cells.* at least 3"),
        ("darts", ["archs=2", "cells=1"], {"dry_run": True}, "build darts-digits: .*cells.* at least 3"),
    ],
)
def test_bad_options_are_explained(tmp_path, monkeypatch, target, options, settings, expected):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=expected):
        build(build_from_options(target, {}, options, []), BuildSettings(out=str(tmp_path), **settings))


@pytest.mark.parametrize(("table", "expected"), [(".", "is a folder"), ("file/t.parquet", "is a file")])
def test_a_table_that_cannot_be_written_is_refused_before_anything_is_trained(tmp_path, table, expected):
    (tmp_path / "file").touch()
    chosen = build_from_options("toy", {"archs": 3}, [], [TOY])
    settings = BuildSettings(out=str(tmp_path / "out"), table=tmp_path / table, serial=True)
    with pytest.raises(InputError, match=expected):
        build(chosen, settings)
    assert not (tmp_path / "out").exists()


def test_why_everything_failed_is_said(tmp_path, capsys):
    fails = "fails='" + ",".join(f"error:{digit}" for digit in range(10)) + "'"
    chosen = build_from_options("toy", {"archs": 5}, [fails], [TOY])
    settings = BuildSettings(out=str(tmp_path), serial=True)
    for _ in range(2):  # the second time nothing is trained
        assert build(chosen, settings) == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "5 failed; --retry-failed" in said
        assert "times RuntimeError: architecture" in said
        assert "no table: nothing is finished" in said


def test_a_dry_run_measures_and_stores_nothing(tmp_path, capsys):
    chosen = build_from_options("toy", {"archs": 9}, ["seconds=0.01", "epochs=300"], [TOY])
    assert build(chosen, BuildSettings(out=str(tmp_path / "out"), dry_run=True, json=True)) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["to_train"], document["runs"], document["done"]) == (9, 18, 0)
    assert document["estimate_from"] == "a short trial"
    assert 9 * 0.01 <= document["hours"] * 3600 < 9 * 10
    assert not (tmp_path / "out").exists()

"""Builds of a toy space in this process: what is trained, stored, extended and written."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from building_support import same_numbers
from tests_support import PLUGINS

from pipeline.building.build_file import make_build
from pipeline.building.plan import make_plan
from pipeline.building.rows import training_store
from pipeline.building.run import execute, write_benchmark
from pipeline.execute.serial import SerialBackend
from pipeline.progress import Silent
from tasks.benchmarks.schema import RUN_SCHEMA
from tasks.benchmarks.user_table import read_user_table
from tasks.errors import InputError

TOY = str(PLUGINS / "toy_space.py")


def toy(**changes):
    return make_build(
        {"space": "toy", "name": "t", "plugins": [TOY], "archs": 12, "runs": 4, **changes}, "test"
    )


def train(out, chosen, **options):
    """Run a build to its end; returns the table, the summary and the stored rows by architecture."""
    store = training_store(out)
    plan = make_plan(chosen, store, **options)
    summary = execute(plan, store, SerialBackend(), Silent(), "cpu")
    written = write_benchmark(plan, store, None)
    rows = store.read().to_pylist()
    return None if written is None else written[1], summary, rows


def test_the_table_has_means_over_runs_and_the_curves_of_one(tmp_path):
    table, summary, rows = train(tmp_path, toy())
    assert dict(summary.statuses) == {"ok": 12}
    assert {(row["status"], tuple(row["runs"])) for row in rows} == {("ok", (0, 1, 2, 3))}
    file = pq.read_table(tmp_path / "toy-formula.parquet").to_pylist()
    assert len(file) == len(table) == 12
    for line, curve, accuracy in zip(file, table.curves["val_acc_curve"], table.val_acc, strict=True):
        assert accuracy == pytest.approx(np.mean(line["val_acc_runs"]))
        assert line["val_acc_runs"] == pytest.approx([run[-1] for run in line["val_acc_curve_runs"]])
        assert line["test_acc"] == pytest.approx(np.mean(line["test_acc_runs"]))
        assert curve == pytest.approx(line["val_acc_curve_runs"][0])
        assert len({run[0] for run in line["train_loss_runs"]}) == 4
    assert (table.epochs, len(set(table.canonical_ids))) == (3, 12)
    assert table.train_time_s == pytest.approx(3 * table.epoch_time_s)
    # Of the seconds that the engine states, those that this process did not wait for others.
    assert ((table.epoch_time_s > 0) & (table.epoch_time_s <= 0.5)).all()
    assert set(RUN_SCHEMA.names) <= set(file[0])
    assert table.build["recipe"]["epochs"] == 3
    ceiling = table.build["noise_ceiling"]["val_acc"]
    assert (ceiling["runs"], ceiling["architectures"]) == (4, 12)
    assert 0.5 < ceiling["half_tau"] < ceiling["tau"] < 1.0


def test_a_table_can_be_read_and_studied_as_a_benchmark(tmp_path):
    table, _, _ = train(tmp_path, toy())
    again = read_user_table(tmp_path / "toy-formula.parquet")
    assert (again.fingerprint, again.build) == (table.fingerprint, table.build)


def test_all_predictors_that_can_run_on_a_built_table(tmp_path, monkeypatch):
    from pipeline.commands.options import study_from_options
    from predictors import registry

    train(tmp_path, toy())
    file = tmp_path / "toy-formula.parquet"
    study = study_from_options(None, "all-ready", None, None, None, None, None, [file], [])
    names = {entry.name for entry in study.predictors}
    table = read_user_table(file)
    assert study.tasks == ["toy/formula"]
    assert names == {info.name for info in registry.all_infos() if registry.availability(info, table)[0]}
    assert {"rf", "gcn"} < names
    able = registry.availability
    monkeypatch.setattr(
        registry, "availability", lambda *on: (False, "") if on[0].name == "rf" else able(*on)
    )
    fewer = study_from_options(None, "all-ready", None, None, None, None, None, [file], [])
    assert {entry.name for entry in fewer.predictors} == names - {"rf"}


def test_more_architectures_and_more_runs_extend_what_is_there(tmp_path):
    small, _, _ = train(tmp_path / "grown", toy(archs=5, runs=2))
    _, summary, _ = train(tmp_path / "grown", toy(archs=12, runs=2))
    assert (summary.already, dict(summary.statuses)) == (5, {"ok": 7})
    grown, summary, rows = train(tmp_path / "grown", toy(archs=12, runs=4))
    assert dict(summary.statuses) == {"ok": 12}
    assert {tuple(row["runs"]) for row in rows} == {(0, 1), (2, 3)}
    once, _, _ = train(tmp_path / "once", toy(archs=12, runs=4))
    same_numbers(grown, once)
    assert small.codes.tolist() == once.codes[:5].tolist()
    # The smaller table is still to be had.
    back, summary, _ = train(tmp_path / "grown", toy(archs=5, runs=2))
    same_numbers(back, small)
    assert summary.already == 5


def test_another_recipe_or_seed_shares_nothing(tmp_path):
    first, _, _ = train(tmp_path, toy())
    other, summary, _ = train(tmp_path, toy(offset=1.0))
    assert summary.already == 0
    assert other.codes.tolist() == first.codes.tolist()
    assert (other.val_acc != first.val_acc).all()
    _, summary, _ = train(tmp_path, toy(seed=1))
    assert summary.already == 0
    again, summary, _ = train(tmp_path, toy())
    same_numbers(again, first)
    assert summary.already == 12


def test_failures_are_rows_and_are_tried_again_only_when_asked(tmp_path):
    broken = toy(fails="error:5,diverge_all:6,diverge:7", archs=30)
    table, summary, rows = train(tmp_path, broken)
    by_status = {status: [row for row in rows if row["status"] == status] for status in summary.statuses}
    assert set(by_status) == {"ok", "error", "degenerate"}
    assert summary.failed == len(by_status["error"]) > 0
    for row in by_status["error"]:
        assert row["error_message"] == "architecture 5 cannot be trained"
        assert "train_runs" in row["traceback"]
    assert len(table) == len(by_status["ok"])
    lost = len(by_status["error"]) + len(by_status["degenerate"])
    assert table.build["failed_architectures"] == lost
    partly = [row for row in by_status["ok"] if "diverged" in row["run_status"]]
    assert partly
    assert table.build["failed_runs"] == 4 * lost + sum(row["run_status"].count("diverged") for row in partly)
    file = pq.read_table(tmp_path / "toy-formula.parquet").to_pylist()
    assert min(len(line["val_acc_runs"]) for line in file) < 4
    for row in partly:
        assert [loss is None for loss in row["test_acc"]] == [word != "ok" for word in row["run_status"]]

    _, summary, _ = train(tmp_path, broken)
    assert summary.already == 30
    _, summary, _ = train(tmp_path, broken, retry_failed=True)
    assert dict(summary.statuses) == {"error": len(by_status["error"])}


def test_trainings_on_changed_data_are_not_mixed(tmp_path):
    file = tmp_path / "data.npy"
    np.save(file, np.arange(5))
    train(tmp_path / "out", toy(dataset=str(file)))
    moved = tmp_path / "elsewhere" / "data.npy"
    moved.parent.mkdir()
    file.rename(moved)
    _, summary, _ = train(tmp_path / "out", toy(dataset=str(moved)))
    assert summary.already == 12
    np.save(file, np.arange(6))
    with pytest.raises(InputError, match="on other data"):
        train(tmp_path / "out", toy(dataset=str(file)))


def test_a_file_is_a_build(tmp_path):
    from pipeline.building.build_file import load_build

    Path(tmp_path, "toy_space.py").write_text(Path(TOY).read_text())
    file = tmp_path / "mine.yaml"
    file.write_text("space: toy\nplugins: [toy_space.py]\narchs: 7\nepochs: 2\ndataset: formula\n")
    build = load_build(file, {"runs": 3})
    assert (build.name, build.archs, build.runs, build.recipe["epochs"]) == ("mine", 7, 3, 2)
    assert json.loads(build.model_dump_json())["recipe"]["offset"] == 0.0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("archs: 3", "space is None"),
        ("space: nasbench21", "did you mean 'nasbench201'"),
        ("space: nasbench201\narchs: 0", "archs: Input should be greater than or equal to 1 (got 0)"),
        ("space: nasbench201\nruns: many", 'runs: .*(got "many")'),
        ("space: nasbench201\nepoch: 3", "did you mean 'epochs'"),
        ("space: nasbench201\nlr: fast", "lr is 'fast'"),
        ("space: nasbench201\ndataset: cifar11", "cifar11"),
        ("space: nasbench201\nplugins: [nothing.py]", "nothing.py: cannot be read"),
        ("- 1", "is a mapping of fields"),
        ("a: [", "not a YAML file"),
    ],
)
def test_bad_build_files_are_explained(tmp_path, content, expected):
    import re

    from pipeline.building.build_file import load_build

    file = tmp_path / "bad.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=expected if "*" in expected else re.escape(expected)):
        make_plan(load_build(file), None)


def test_a_space_with_fewer_architectures_is_told():
    from tasks.benchmarks.building.sample import distinct_architectures
    from tasks.spaces.nasbench201 import NasBench201

    class Two(NasBench201):
        def sample(self, rng, n):
            return super().sample(rng, n) * 0 + rng.integers(2, size=(n, 1), dtype=np.int16)

    assert len(distinct_architectures(Two(), 2, 0)) == 2
    with pytest.raises(InputError, match="only 2 different"):
        distinct_architectures(Two(), 3, 0)

"""The path of a predictor's author: check it, run it beside the built-in ones."""

import json
from pathlib import Path

import pytest
from tests_support import ROOT, naspred, rows_of

EXAMPLE = ROOT / "examples" / "nearest.py"


def test_the_example_passes_every_check_on_both_layouts():
    done = naspred("check", EXAMPLE, "--json")
    document = json.loads(done.stdout)
    assert [record for record in document["checks"] if not record["ok"]] == []
    assert done.returncode == 0
    assert len(document["checks"]) == 60
    assert {record["space"] for record in document["checks"]} == {"nasbench201", "cells"}


def test_a_class_is_found_by_module_and_name(tmp_path):
    (tmp_path / "mine.py").write_text(EXAMPLE.read_text())
    done = naspred("check", "mine:NearestNeighbours", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 checks, 0 failed" in done.stdout


def test_a_faulty_predictor_fails_the_checks_it_should(tmp_path):
    broken = EXAMPLE.read_text().replace(
        "seed: int = 0) -> None:\n", "seed: int = 0) -> None:\n        seed += 1\n"
    )
    file = tmp_path / "broken.py"
    file.write_text(broken)
    done = naspred("check", file, "--json")
    assert done.returncode == 1
    failed = {record["check"] for record in json.loads(done.stdout)["checks"] if not record["ok"]}
    assert "get_params_round_trip" in failed


def test_a_plugin_runs_beside_the_built_in_predictors(tmp_path):
    out = tmp_path / "out"
    done = naspred(
        "run", "--plugin", EXAMPLE, "--predictors", "nearest,bayes_lin_reg,params",
        "--tasks", "nasbench201/cifar10", "--train-sizes", "20", "--trials", "3", "--serial",
        "--out", out, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = rows_of(out)
    assert rows.groupby("predictor").size().to_dict() == {"nearest": 3, "bayes_lin_reg": 3, "params": 3}
    assert set(rows["status"]) == {"ok"}


def test_a_plugin_joins_the_predictors_of_the_study():
    document = json.loads(naspred("plan", "--plugin", EXAMPLE, "--json").stdout)
    assert {"nearest", "rf", "params"} <= document["predictors"].keys()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("nowhere.py", "nowhere.py: cannot be read"),
        ("no_such_module:X", "cannot be imported"),
        ("my/nearest.py:Nearest", "use my/nearest.py or nearest:Nearest"),
        ("json:JSONDecoder", "is not a subclass"),
        ("rff", "did you mean 'rf'"),
    ],
)
def test_something_else_is_refused(target, expected):
    done = naspred("check", target)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_plugins_reach_ray_workers_without_the_file(local_ray, tmp_path, monkeypatch):
    """The text travels: the file is gone before the workers start."""
    from pipeline.execute.ray_backend import RayBackend
    from pipeline.progress import Silent
    from pipeline.run import execute, prepare
    from pipeline.store import ResultStore
    from pipeline.study import Study

    file = tmp_path / "gone.py"
    file.write_text(EXAMPLE.read_text().replace('"nearest"', '"nearest_from_text"'))
    study = Study(
        name="s", tasks=["nasbench201/cifar10"], predictors=["nearest_from_text"], train_sizes=[5], trials=2,
        test_size=20, plugins=[str(file)],
    )  # fmt: skip
    store = ResultStore(tmp_path / "out")
    prepared = prepare(study, store)
    context_source = file.read_text()
    file.unlink()
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, **how: context_source if self == file else read(self, **how)
    )
    summary = execute(prepared, store, RayBackend(), Silent())
    assert summary.statuses == {"ok": 2}

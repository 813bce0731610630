"""The command line as a user meets it: its own process, its output, its exit code."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests_support import FAULTS, ROOT, Command, naspred, rows_of, storing_every, wait_for_rows, write_study

SMALL = {
    "tasks": ["nasbench201/cifar10"],
    "predictors": ["bayes_lin_reg", "params"],
    "train_sizes": [5, 20],
    "trials": 3,
    "test_size": 50,
}


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path, **SMALL)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small study that has been run, by a Python that was started for it."""
    folder = tmp_path_factory.mktemp("finished")
    file = write_study(folder, **SMALL)
    command = [sys.executable, "-m", "pipeline.cli", "run", str(file), "--serial"]
    done = subprocess.run(
        [*command, "--out", str(folder / "out"), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return file, folder / "out", json.loads(done.stdout)


def test_help_imports_neither_torch_nor_ray():
    code = (
        "import sys\nfrom pipeline.cli import app\nfrom typer.testing import CliRunner\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'torch', 'ray', 'sklearn', 'pandas', 'matplotlib', 'lightgbm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", ["run", "score", "plan", "status", "results", "report", "compact", "list", "doctor"]
)
def test_every_command_has_help(command):
    done = naspred(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_run_writes_one_json_document(finished):
    _, out, document = finished
    assert document["statuses"] == {"ok": 9}
    assert document["planned"] == 9
    assert len(document["summary"]) == 3
    assert (out / "report" / "index.html").is_file()


def test_rows_have_exactly_the_schema(finished):
    from pipeline.rows import ROW_SCHEMA

    _, out, _ = finished
    for part in (out / "results").rglob("*.parquet"):
        assert pq.read_schema(part).names == ROW_SCHEMA.names


def test_running_again_does_nothing_and_shows_the_same(finished):
    file, out, first = finished
    again = json.loads(naspred("run", file, "--serial", "--out", out, "--json").stdout)
    assert again["statuses"] == {}
    assert again["already"] == 9
    assert again["summary"] == first["summary"]


def test_more_trials_run_only_what_is_new(finished, tmp_path):
    file, out, _ = finished
    more = json.loads(naspred("run", file, "--serial", "--out", out, "--trials", "4", "--json").stdout)
    assert more["statuses"] == {"ok": 3}


def test_changed_params_run_just_that(finished):
    file, out, _ = finished
    study = file.read_text().replace("- bayes_lin_reg", "- {name: bayes_lin_reg, params: {encoding: path}}")
    changed = write_study(file.parent, name="changed", text=study)
    document = json.loads(naspred("run", changed, "--serial", "--out", out, "--json").stdout)
    assert document["statuses"] == {"ok": 6}


def test_plain_lines_and_the_report_path_without_a_terminal(study, tmp_path):
    done = naspred("run", study, "--serial", "--out", tmp_path / "out")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "9/9 done, 0 failed" in done.stdout
    assert f"{tmp_path / 'out'}/report/index.html" in done.stdout
    assert "bayes_lin_reg" in done.stdout


def test_dry_run_and_plan_run_nothing(study, tmp_path):
    for command in (("run", study, "--dry-run", "--json"), ("plan", study, "--json")):
        document = json.loads(naspred(*command, "--out", tmp_path / "out").stdout)
        assert document["tasks"] == 9
        assert document["shapes"] == [{"CPU": 1.0}]
    assert not (tmp_path / "out").exists()


def test_plan_is_checked_against_a_cluster(study, tmp_path):
    cluster = tmp_path / "c.yaml"
    cluster.write_text("available_node_types: {head: {max_workers: 0, resources: {CPU: 0}}}\n")
    done = naspred("plan", study, "--cluster", cluster)
    assert done.returncode == 2
    assert "the plan needs a node with 1 CPU" in done.stderr


def test_submission_id_is_that_of_the_study(study):
    first, again = (naspred("plan", study, "--submission-id").stdout for _ in range(2))
    assert first == again
    assert first.startswith("naspred-")
    assert naspred("plan", study, "--submission-id", "--trials", "4").stdout != first
    assert naspred("plan", study, "--submission-id", "--attempt", "2").stdout.strip() == first.strip() + "-2"


def test_status_counts_what_is_missing(finished, tmp_path):
    file, _, _ = finished
    out = tmp_path / "out"
    assert naspred("run", file, "--serial", "--out", out, "--json").returncode == 0
    part = max((out / "results").rglob("*.parquet"), key=lambda path: path.stat().st_size)
    part.unlink()
    document = json.loads(naspred("status", out, "--json").stdout)
    assert document["planned"] == 9
    assert document["missing"] > 0
    assert document["missing"] + document["stored"] == 9


def test_results_as_csv_and_json(finished, tmp_path):
    _, out, _ = finished
    csv = tmp_path / "s.csv"
    done = naspred("results", out, "--json", "--csv", csv)
    assert len(json.loads(done.stdout)) == len(pd.read_csv(csv)) >= 3


def test_report_is_written_anew(finished):
    _, out, _ = finished
    (out / "report" / "index.html").unlink()
    path = json.loads(naspred("report", out, "--json").stdout)["report"]
    assert "<html" in Path(path).read_text()
    assert list((out / "report").glob("*.png"))


def test_compact_keeps_every_row_and_merges_scores(finished):
    from pipeline.scores import ScoreStore
    from predictors.zero_cost.cache import ScoreKey
    from predictors.zero_cost.scoring import ProxyScore

    _, out, _ = finished
    before = rows_of(out)
    for arch in ("|a|", "|b|"):
        key = ScoreKey("nasbench201", "cifar10", arch, "snip", 1, 0, "b", "")
        ScoreStore(str(out), "s").add({key: ProxyScore(1.0, 0.1)})
    document = json.loads(naspred("compact", out, "--json").stdout)
    assert document["files_after"] <= document["files_before"]
    after = rows_of(out)
    assert sorted(before["key"]) == sorted(after["key"])
    assert len(list((out / "scores").rglob("*.parquet"))) == 1


def test_lists():
    predictors = json.loads(naspred("list", "predictors", "--json").stdout)["predictors"]
    names = {record["name"] for record in predictors}
    assert names >= {"rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg", "params", "flops"}
    for record in predictors:
        assert {"name", "family", "needs", "spaces", "available", "why_not"} <= record.keys()
    spaces = json.loads(naspred("list", "spaces", "--json").stdout)["spaces"]
    assert "nasbench201" in {record["name"] for record in spaces}
    benchmarks = json.loads(naspred("list", "benchmarks", "--json").stdout)["benchmarks"]
    assert {"nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120"} <= {
        f"{record['space']}/{record['dataset']}" for record in benchmarks
    }
    shown = naspred("list", "benchmarks").stdout
    assert "naspred bench import nasbench101 nasbench_only108.tfrecord" in shown


def test_list_of_predictors_tells_where_each_runs(tmp_path):
    shown = naspred("list", "predictors", cwd=tmp_path).stdout.splitlines()
    end = shown.index("+  runs here")
    legend = dict(line.split("  ", 1) for line in shown[end:] if "  " in line)
    numbers = [number for number, task in legend.items() if task == "nasbench201/cifar10"]
    columns = shown[0].split()
    line = {row.split()[0]: row.split() for row in shown if row.split()}
    assert columns[:4] == ["name", "family", "needs", "spaces"]
    assert line["rf"][:4] == ["rf", "model_based", "labels", "any"]
    marks = dict(zip(columns[4:], line["rf"][4:], strict=True))
    assert marks[numbers[0]] == "+"
    curves = dict(zip(columns[4:], line["valacc"][4:], strict=True))
    assert legend[curves[numbers[0]]] == "needs learning curves, and the table has none"
    assert max(map(len, shown[:end])) <= 110


def test_list_of_one_predictor_is_complete():
    done = naspred("list", "predictors", "params", "--tasks", "nasbench201/cifar100", "--json")
    (record,) = json.loads(done.stdout)["predictors"]
    assert record["tasks"] == {"nasbench201/cifar100": {"runs": True, "why_not": ""}}
    (record,) = json.loads(naspred("list", "predictors", "valacc", "--json").stdout)["predictors"]
    lacking = record["tasks"]["nasbench201/cifar10"]
    assert lacking == {"runs": False, "why_not": "needs learning curves, and nasbench201/cifar10 has none"}
    assert record["tasks"]["nasbench101/cifar10"]["why_not"].startswith("its table is not here: ")
    shown = naspred("list", "predictors", "rf", "--tasks", "nasbench201/cifar10").stdout
    assert "n_estimators = 116  (of type int, in [1, 10000])" in shown
    assert "nasbench201/cifar10  runs" in shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: no such study file"),
        (["run", "--predictors", "rff"], "unknown predictor 'rff'; did you mean 'rf'"),
        (["run", "--tasks", "nasbench201/cifar11"], "unknown task 'nasbench201/cifar11'; did you mean"),
        (["run", "--train-sizes", "5,x"], "--train-sizes: '5,x' is not a list of whole numbers"),
        (["run", "--trials", "0"], "trials: Input should be greater than or equal to 1 (got 0)"),
        (["run", "--benchmark", "nowhere.parquet"], "nowhere.parquet: no such benchmark file"),
        (["run", "--plugin", "nowhere.py"], "nowhere.py: cannot be read"),
        (["run", "--test-size", "20000"], "test_size: 20000 test architectures asked for"),
        (["status", "nowhere"], "nowhere: no results of naspred here"),
        (["results", "nowhere"], "nowhere: no results of naspred here"),
        (["list", "predictor"], "did you mean 'predictors'"),
        (["list", "predictors", "rff"], "unknown predictor 'rff'; did you mean 'rf'"),
        (["list", "predictors", "--tasks", "nasbench201/cifar11"], "unknown task 'nasbench201/cifar11'"),
        (
            ["list", "spaces", "--tasks", "nasbench201/cifar10"],
            "list spaces: --tasks and",
        ),
        (["run", "--out", "/dev/null/x"], "/dev/null"),
        (["plan", "--cluster", "nowhere.yaml"], "--cluster nowhere.yaml: no such file"),
    ],
)
def test_bad_input_is_explained_without_a_traceback(arguments, expected, tmp_path):
    done = naspred(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_failures_give_exit_code_1_and_run_again_only_when_asked(tmp_path):
    study = write_study(
        tmp_path, tasks=["nasbench201/cifar10"], predictors=["raises_for_some"], train_sizes=[5], trials=12,
        test_size=20, plugins=[str(FAULTS)],
    )  # fmt: skip
    out = tmp_path / "out"
    first = naspred("run", study, "--serial", "--out", out, "--json")
    assert first.returncode == 1
    statuses = json.loads(first.stdout)["statuses"]
    assert statuses["error"] > 0
    assert statuses["ok"] > 0
    resumed = naspred("run", study, "--serial", "--out", out, "--json")
    assert resumed.returncode == 1  # the study still has failed tasks
    assert json.loads(resumed.stdout)["statuses"] == {}
    retried = json.loads(naspred("run", study, "--serial", "--out", out, "--json", "--retry-failed").stdout)
    assert retried["statuses"] == {"error": statuses["error"]}
    assert len(rows_of(out)) == 12


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interruption_stores_what_is_finished_and_resumes(tmp_path, stop):
    study = write_study(
        tmp_path, tasks=["nasbench201/cifar10"], predictors=["sleepy"], train_sizes=[5], trials=25,
        test_size=20, plugins=[str(FAULTS)],
    )  # fmt: skip
    out = tmp_path / "out"
    process = Command("run", study, "--serial", "--out", out, before=storing_every(1.0))
    wait_for_rows(out, 1, process)
    time.sleep(0.5)
    process.send_signal(stop)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Run the same command to go on" in stdout
    assert "Traceback" not in stderr
    stored = rows_of(out)
    assert 0 < len(stored) < 25
    resumed = json.loads(naspred("run", study, "--serial", "--out", out, "--json").stdout)
    assert resumed["already"] == len(stored)
    assert len(rows_of(out)) == 25

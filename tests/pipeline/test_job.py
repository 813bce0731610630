"""A study as a real job on a real head: submitted, refused the second time, read back as Parquet."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pandas as pd
import psutil
import pytest
from tests_support import ROOT, naspred, write_study

pytestmark = pytest.mark.ray

RAY = str(Path(sys.executable).with_name("ray"))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A head with a job server; yields its HTTP address and the environment to use it with."""
    port, dashboard, client, agent = free_ports(4)
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    temp = Path("/tmp") / f"nr-{os.getpid()}-{port}"
    command = [
        RAY, "start", "--head", "--block", f"--port={port}", f"--dashboard-port={dashboard}",
        f"--ray-client-server-port={client}", "--num-cpus=2", "--object-store-memory=200000000",
        # The agent that runs jobs: its usual port may belong to another Ray of this machine.
        f"--dashboard-agent-listen-port={agent}", "--disable-usage-stats", f"--temp-dir={temp}",
    ]  # fmt: skip
    log = (tmp_path_factory.mktemp("head") / "log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{dashboard}"
        environment |= {"RAY_API_SERVER_ADDRESS": address, "CLIENT": f"ray://127.0.0.1:{client}"}
        _wait_until_up(address, process)
        yield environment
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        for member in family:  # only what this fixture started
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        log.close()


def job(environment, *arguments, timeout=150):
    return subprocess.run(
        [RAY, "job", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _wait_until_up(address, process):
    for _ in range(600):
        assert process.poll() is None, "the head ended"
        try:
            with urllib.request.urlopen(f"{address}/api/jobs/", timeout=10) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the job server did not come up")


def _submit(environment, arguments):
    """Submit; a head that is just up refuses until its agent is, too."""
    for _ in range(30):
        done = job(environment, *arguments)
        if "No available agent" not in done.stdout + done.stderr:
            break
        time.sleep(1.0)
    return done


def test_a_job_runs_a_study_and_the_same_id_is_refused(head, tmp_path):
    fields = {
        "tasks": ["nasbench201/cifar10"], "predictors": ["rf", "params"], "train_sizes": [5, 20], "trials": 2,
        "test_size": 50,
    }  # fmt: skip
    study = write_study(tmp_path, name="job", **fields)
    submission = naspred("plan", study, "--submission-id").stdout.strip()
    out = tmp_path / "out"
    arguments = [
        "submit", "--submission-id", submission, "--working-dir", str(tmp_path), "--", sys.executable, "-m",
        "pipeline.cli", "run", "job.yaml", "--address", "auto", "--out", str(out), "--json",
    ]  # fmt: skip
    first = _submit(head, arguments)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "succeeded" in first.stdout + first.stderr
    rows = pd.read_parquet(out / "results")
    assert len(rows) == 6
    assert set(rows["status"]) == {"ok"}
    assert (out / "report" / "index.html").is_file()

    second = job(head, *arguments)
    assert second.returncode != 0
    assert submission in second.stdout + second.stderr
    assert len(pd.read_parquet(out / "results")) == 6


def test_the_same_study_runs_from_outside_through_the_client(head, tmp_path):
    study = write_study(
        tmp_path, name="outside", tasks=["nasbench201/cifar10"], predictors=["bayes_lin_reg", "params"],
        train_sizes=[5], trials=3, test_size=50,
    )  # fmt: skip
    out = tmp_path / "out"
    done = naspred("run", study, "--address", head["CLIENT"], "--out", out, "--json", env=head)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statuses"] == {"ok": 6}
    assert len(pd.read_parquet(out / "results")) == 6


def test_an_address_that_is_none_is_bad_input(tmp_path):
    study = write_study(tmp_path, tasks=["nasbench201/cifar10"], predictors=["params"], trials=1)
    done = naspred("run", study, "--address", "nonsense", "--out", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert "--address nonsense: cannot connect to Ray" in done.stderr

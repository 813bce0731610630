"""What several test modules share and is not a fixture."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ROOT / "tests" / "plugins"
FAULTS = PLUGINS / "faults.py"


def storing_every(seconds):
    """Code to run before a command, which then stores at this interval; the usual one is 5 s."""
    return f"import pipeline.run; pipeline.run.FLUSH_S = {seconds}"


class Command:
    """A command that runs in a process of its own; has what the tests need of ``subprocess.Popen``.

    Args:
        arguments: Of the command line.
        cwd: Where it runs; the repository if absent.
        env: Changes of the environment.
        before: Code to run first in the new process.
    """

    def __init__(self, *arguments, cwd=None, env=None, before=""):
        self._folder = Path(tempfile.mkdtemp(prefix="naspred-command-"))
        self._files = {name: str(self._folder / name) for name in ("stdout", "stderr")}
        environment = {**_environment(), **(env or {})}
        request = {"argv": [*map(str, arguments)], "cwd": str(cwd or ROOT), "env": environment}
        self.returncode = self._output = None
        self.pid = _ask(request | self._files | {"before": before})

    def poll(self):
        if self.returncode is None:
            self.returncode = _ask({"pid": self.pid})
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:  # else the pid may be another's
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """Wait for the end; returns standard output and standard error."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("naspred", timeout)
            time.sleep(0.02)
        if self._output is None:
            self._output = tuple(Path(file).read_text() for file in self._files.values())
            shutil.rmtree(self._folder)
        return self._output


def naspred(*arguments, timeout=240, **settings):
    """Run the command line in its own process."""
    command = Command(*arguments, **settings)
    try:
        stdout, stderr = command.communicate(timeout)
    finally:
        command.kill()
    return subprocess.CompletedProcess(arguments, command.returncode, stdout, stderr)


def _environment():
    """The environment of this process, without what a Ray that it started has left there.

    Ray reads its mode of authentication when it is imported, which in the commands' process was earlier.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
    return {**inherited, "PYTHONPATH": str(ROOT)}


@functools.cache
def _server():
    """The process that starts commands; see ``warm_server.py``."""
    environment = {
        **_environment(),
        # A thread of the allocator would not be there in the forks.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    }
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "warm_server.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.stdin.close)
    return server


def _ask(request):
    server = _server()
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


def write_study(folder, *, name="small", text=None, **fields):
    """Write a study file."""
    file = Path(folder) / f"{name}.yaml"
    file.write_text(text if text is not None else yaml.safe_dump({"name": name, **fields}))
    return file


def rows_of(out) -> pd.DataFrame:
    """Read the stored rows of a run, each key once."""
    from pipeline.store import ResultStore

    return ResultStore(out).read().to_pandas()


def wait_for_rows(out, count, process, timeout=120):
    """Wait until a running driver has stored so many rows."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the driver ended early: {process.communicate()}")
        if Path(out, "results").is_dir() and len(rows_of(out)) >= count:
            return
        time.sleep(0.2)
    raise AssertionError(f"no {count} rows after {timeout} s")


def with_curves(table, epochs=12, epoch_time_s=7.0):
    """Return a copy of a benchmark table with made-up curves that saturate towards its accuracies."""
    rng = np.random.default_rng(5)
    speed = rng.uniform(0.4, 1.2, size=(len(table), 1))
    share = 1.0 - np.arange(1.0, epochs + 1) ** -speed
    accuracy = 10.0 + (table.val_acc[:, None] - 10.0) * share / share[:, -1:]
    accuracy += rng.normal(scale=0.3, size=accuracy.shape)
    loss = 4.0 - accuracy / 25.0
    curves = {
        "val_acc_curve": accuracy,
        "val_loss": loss,
        "train_acc_curve": accuracy + 1.0,
        "train_loss": 0.9 * loss,
    }
    return replace(
        table,
        curves={name: values.astype(np.float32) for name, values in curves.items()},
        epoch_time_s=None if epoch_time_s is None else np.linspace(1.0, 2.0, len(table)) * epoch_time_s,
        epochs=epochs,
        fingerprint=table.fingerprint + f"-{epochs}",
    )

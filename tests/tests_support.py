"""What several test modules share and is not a fixture."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ROOT / "tests" / "plugins"
FAULTS = PLUGINS / "faults.py"


def naspred(*arguments, cwd=None, env=None, timeout=240):
    """Run the command line in its own process."""
    command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.run(
        command,
        cwd=cwd or ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


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

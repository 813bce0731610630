"""The driver is killed, its disk fills up, another one writes beside it."""

import json
import signal
import threading

import pytest
from tests_support import FAULTS, Command, naspred, rows_of, storing_every, wait_for_rows, write_study


def sleepy(folder, trials, **changes):
    fields = {
        "tasks": ["nasbench201/cifar10"],
        "predictors": ["sleepy"],
        "train_sizes": [5],
        "trials": trials,
        "test_size": 20,
        "plugins": [str(FAULTS)],
    }
    return write_study(folder, **(fields | changes))


@pytest.mark.ray
def test_sigkill_of_the_driver_loses_no_stored_row(tmp_path):
    study, out = sleepy(tmp_path, 60), tmp_path / "out"
    process = Command("run", study, "--out", out, "--num-cpus", "2", before=storing_every(0.3))
    try:
        wait_for_rows(out, 6, process)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = rows_of(out).set_index("key")
    assert 6 <= len(before) < 60

    document = json.loads(naspred("run", study, "--out", out, "--num-cpus", "2", "--json").stdout)
    assert document["already"] == len(before)
    assert document["statuses"] == {"ok": 60 - len(before)}
    after = rows_of(out)
    assert len(after) == after["key"].nunique() == 60
    kept = after.set_index("key").loc[before.index]
    assert (kept["started_at"] == before["started_at"]).all()


def test_two_drivers_on_one_output_give_each_result_once(tmp_path):
    study, out = sleepy(tmp_path, 15), tmp_path / "out"
    drivers = [Command("run", study, "--serial", "--out", out, "--json") for _ in range(2)]
    documents = []
    for driver in drivers:
        stdout, stderr = driver.communicate(timeout=200)
        assert driver.returncode == 0, stderr
        documents.append(json.loads(stdout))
    rows = rows_of(out)
    assert len(rows) == rows["key"].nunique() == 15
    assert set(rows["status"]) == {"ok"}
    assert sum(document["statuses"]["ok"] for document in documents) >= 15


def test_reading_while_a_driver_writes(tmp_path):
    study, out = sleepy(tmp_path, 30), tmp_path / "out"
    driver = Command("run", study, "--serial", "--out", out, "--json", before=storing_every(0.3))
    wait_for_rows(out, 1, driver)
    counts = []
    while driver.poll() is None:
        rows = rows_of(out)
        assert rows["key"].is_unique
        counts.append(len(rows))
        assert naspred("compact", out, "--json").returncode == 0
        threading.Event().wait(0.1)
    driver.communicate()
    assert driver.returncode == 0
    assert counts == sorted(counts)
    assert len(rows_of(out)) == 30


def test_a_full_disk_stops_the_run_with_a_message_and_it_resumes(tmp_path):
    """The kernel refuses what goes beyond the limit of a file, as it refuses a full disk."""
    study, out = sleepy(tmp_path, 12, predictors=["fine"]), tmp_path / "out"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    done = naspred("run", study, "--serial", "--out", out, before=limit)
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr
    assert str(out) in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(out.rglob("*.tmp-*"))
    resumed = json.loads(naspred("run", study, "--serial", "--out", out, "--json").stdout)
    assert resumed["statuses"]["ok"] + resumed["already"] == 12
    assert len(rows_of(out)) == 12


def test_damaged_and_foreign_files_are_named_and_skipped(tmp_path):
    study, out = sleepy(tmp_path, 3), tmp_path / "out"
    assert naspred("run", study, "--serial", "--out", out, "--json").returncode == 0
    folder = next((out / "results").iterdir())
    good = next(folder.glob("*.parquet")).read_bytes()
    (folder / "part-small-torn.parquet").write_bytes(good[: len(good) // 2])
    (folder / "part-small-foreign.parquet").write_text("not parquet")
    done = naspred("status", out, "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["stored"] == 3
    assert len(document["damaged_files"]) == 2
    assert "part-small-torn.parquet" in done.stderr
    assert "part-small-foreign.parquet" in done.stderr
    resumed = naspred("run", study, "--serial", "--out", out, "--json")
    assert resumed.returncode == 0
    assert json.loads(resumed.stdout)["already"] == 3

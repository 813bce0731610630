"""Disks that fill up, folders that refuse, writers that die."""

from __future__ import annotations

import json
import os
import resource
import subprocess

import psutil
import pytest

from pipeline.store import ResultStore, StoreError
from pipeline.store.local import LocalFiles
from pipeline.store.names import temporary_name


def private_mounts():
    """How to start a program that may mount; None where this is not permitted."""
    prefix = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
    probe = [*prefix, "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        done = subprocess.run(probe, capture_output=True, timeout=30)
    except FileNotFoundError:
        return None
    return prefix if done.returncode == 0 else None


def kill_while_writing(script, folder):
    """Kill a writer with SIGKILL between the first byte and the rename; return what it leaves."""
    for _ in range(20):
        process = script("processes.py", "write", folder)
        while not (left := list(folder.glob(".document.tmp-*"))):
            assert process.poll() is None
        process.kill()
        process.wait()
        if left[0].exists():
            return left[0]
    pytest.fail("the writer was never caught in the act")


@pytest.mark.parametrize("mode", ["tmpfs", "limit"])
def test_full_and_read_only_disk(tmp_path, script, mode):
    mounts = private_mounts() if mode == "tmpfs" else None
    before = ()
    if mounts:
        mount = f'mount -t tmpfs -o size=2m none "{tmp_path}" && exec "$@"'
        before = (*mounts, "sh", "-c", mount, "sh")
    process = script(
        "full_disk.py", tmp_path, "tmpfs" if mounts else "limit", before=before, stdout=subprocess.PIPE
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    result = json.loads(output)
    reason = "No space left on device. Free some space" if mounts else "File too large. Raise the limit"
    part = rf"{tmp_path}/out/results/task=a-b/part-s-"
    assert result["full"].startswith(f"cannot write {part}")
    assert reason in result["full"]
    assert result["full_document"].startswith(f"cannot write {tmp_path}/out/report.html: {reason}")
    assert len(result["files_when_full"]) == 2  # no temporary, nothing half-written
    assert (result["rows_when_full"], result["rows"], result["rows_compacted"]) == (50, 100, 100)
    if mounts:
        for name in ("read_only", "read_only_compact"):
            assert result[name].startswith(f"cannot write {tmp_path}/out/results/task=a-b/part-")
            assert "Read-only file system. The file system is mounted read-only: choose" in result[name]
        assert result["rows_when_read_only"] == 50


def test_unwritable_folder(row):
    """A folder that refuses even the superuser."""
    store = ResultStore("/sys/naspred-out")
    with pytest.raises(StoreError, match=r"cannot write /sys/naspred-out/results/.*: .*\. \w+") as caught:
        store.append([row(0)])
    assert caught.value.path.startswith("/sys/naspred-out/results/task=nasbench201-cifar10/part-s-")
    assert caught.value.reason
    assert store.read().num_rows == 0


def test_file_in_the_way_of_a_folder(tmp_path, row):
    store = ResultStore(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "task=nasbench201-cifar10").write_text("x")
    with pytest.raises(StoreError, match="task=nasbench201-cifar10/part-s-"):
        store.append([row(0)])
    store.append([row(1, dataset="digits")])
    (tmp_path / "results" / "task=nasbench201-cifar10").unlink()
    store.append([row(0)])
    assert store.read().num_rows == 2


def test_document_that_cannot_be_read(tmp_path):
    (tmp_path / "report.html").write_bytes(b"\xff")
    with pytest.raises(StoreError, match=r"cannot read .*report\.html: .*Save it as UTF-8"):
        ResultStore(tmp_path).read_text("report.html")
    (tmp_path / "study.yaml").mkdir()
    with pytest.raises(StoreError, match=r"cannot read .*study\.yaml"):
        ResultStore(tmp_path).read_text("study.yaml")


def test_compact_removes_temporaries_of_dead_writers_only(tmp_path, script, row):
    store = ResultStore(tmp_path)
    store.append([row(0)])
    dead = kill_while_writing(script, tmp_path)
    folder = next(tmp_path.rglob("part-*")).parent
    gone = next(pid for pid in range(2**22 - 1, 0, -1) if not psutil.pid_exists(pid))
    kept = [
        folder / temporary_name("part-s-1.parquet"),  # of this process, which lives
        folder / f".part-s-2.parquet.tmp-{gone}-1@another-machine",
        folder / ".part-s-3.parquet.tmp-unknown",
        folder / ".DS_Store",
    ]
    stale = folder / temporary_name("part-s-4.parquet").replace(f"tmp-{os.getpid()}-", f"tmp-{gone}-")
    for path in (*kept, stale):
        path.write_text("x")
    assert store.read().num_rows == 1
    assert store.compact().temporaries_removed == 2
    assert not dead.exists()
    assert not stale.exists()
    assert all(path.exists() for path in kept)
    assert store.compact().temporaries_removed == 0


def test_too_many_open_files_is_not_taken_for_damage(tmp_path, row):
    """Skipping would make finished work look undone."""
    ResultStore(tmp_path).append([row(0)])
    files = LocalFiles(tmp_path)
    [name] = files.list("results")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(tmp_path, os.O_RDONLY)
    os.close(lowest_free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        with pytest.raises(StoreError, match=r"cannot read .*part-s-.*Too many open files"):
            list(files.open_many([name]))
        with pytest.raises(StoreError, match=r"cannot list .*Too many open files"):
            files.list("results")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [got for got, _ in files.open_many([name])] == [name]

"""The per-user cache, with real files and real processes."""

import os
import subprocess
import sys
import time
import warnings

import numpy as np
import pyarrow as pa
import pytest

from tasks.benchmarks.cache import CacheWarning, cache_dir, cached_table
from tasks.benchmarks.io import write_table
from tasks.spaces.nasbench201 import NasBench201

METADATA = {"space": "nasbench201", "dataset": "toy", "epochs": 3}


class _Convert:
    """A conversion that counts how often it is done."""

    def __init__(self, shift=0.0):
        self.calls = 0
        self.shift = shift

    def __call__(self):
        self.calls += 1
        space = NasBench201()
        codes = space.sample(np.random.default_rng(0), 20)
        table = pa.table(
            {
                "arch": [space.format(tuple(row)) for row in codes.tolist()],
                "canonical": space.canonical_many(codes),
                "val_acc": np.linspace(50, 90, 20) + self.shift,
            }
        )
        return table, METADATA


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "cache"
    monkeypatch.setenv("NASPRED_CACHE", str(path))
    return path


def _load(convert):
    return cached_table("nasbench201/toy", "abc", convert)


def test_folder_is_the_environment_variable_or_the_systems_place(folder, monkeypatch):
    assert cache_dir() == folder
    monkeypatch.delenv("NASPRED_CACHE")
    assert cache_dir().name == "naspred"
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    if sys.platform == "linux":
        assert str(cache_dir()) == "/somewhere/naspred"


def test_converted_once(folder):
    convert = _Convert()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = _load(convert), _load(convert)
    assert convert.calls == 1
    assert first.fingerprint == second.fingerprint
    np.testing.assert_array_equal(first.val_acc, second.val_acc)
    assert [path.name for path in folder.iterdir()] == ["nasbench201-toy-v1-abc.parquet"]


def test_another_source_is_another_file(folder):
    convert = _Convert()
    _load(convert)
    cached_table("nasbench201/toy", "def", convert)
    assert convert.calls == 2


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "garbage", "text"])
def test_damaged_file_is_made_anew_with_a_warning(folder, damage):
    convert = _Convert()
    sound = _load(convert)
    path = next(folder.iterdir())
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[len(content) // 4] ^= 0xFF
    elif damage == "empty":
        content = b""
    elif damage == "garbage":
        content = os.urandom(500)
    else:
        content = b"not a parquet file at all"
    path.write_bytes(content)
    with pytest.warns(CacheWarning, match=r"made anew: .*nasbench201-toy-v1-abc\.parquet"):
        again = _load(convert)
    assert convert.calls == 2
    assert again.fingerprint == sound.fingerprint
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _load(convert)
    assert convert.calls == 2


def test_content_that_does_not_belong_to_its_fingerprint_is_made_anew(folder):
    convert = _Convert()
    sound = _load(convert)
    path = next(folder.iterdir())
    # A sound file whose metadata claim the digest of another content.
    import pyarrow.parquet as pq

    other = folder / "other.parquet"
    write_table(other, _Convert(shift=1.0)()[0], METADATA)
    swapped = pq.read_table(other).replace_schema_metadata(pq.read_schema(path).metadata)
    pq.write_table(swapped, path)
    with pytest.warns(CacheWarning, match="damaged or changed"):
        again = _load(convert)
    np.testing.assert_array_equal(again.val_acc, sound.val_acc)


def test_unwritable_folder_works_in_memory_with_a_warning(tmp_path, monkeypatch):
    # A file in the way of the folder: refused for every user, root included.
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("NASPRED_CACHE", str(blocker / "cache"))
    convert = _Convert()
    with pytest.warns(CacheWarning, match="cannot be cached in .*NASPRED_CACHE"):
        table = _load(convert)
    assert convert.calls == 1
    monkeypatch.setenv("NASPRED_CACHE", str(tmp_path / "fine"))
    assert _load(convert).fingerprint == table.fingerprint


def test_full_disk_works_in_memory_and_leaves_nothing(folder):
    code = (
        "import resource, sys, warnings; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "warnings.simplefilter('always');"
        "from tasks.benchmarks.catalog import load_benchmark;"
        "print(len(load_benchmark('nasbench201/cifar10')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "15625"
    assert "CacheWarning" in done.stderr
    assert "File too large" in done.stderr
    assert list(folder.iterdir()) == []


def test_leftovers_of_killed_writers_are_removed(folder):
    folder.mkdir(parents=True)
    old, young = folder / ".a.parquet.0011aabb.tmp-1", folder / ".b.parquet.0011aabb.tmp-2"
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    _load(_Convert())
    assert not old.exists()
    assert young.exists()


def test_two_processes_may_start_at_once(folder, tmp_path):
    go = tmp_path / "go"
    code = (
        "import pathlib, sys, time\n"
        "from tasks.benchmarks.catalog import load_benchmark\n"
        "print('ready', flush=True)\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.001)\n"
        "table = load_benchmark('nasbench201/cifar10')\n"
        "print(table.fingerprint, len(table))\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    go.touch()
    outputs = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert outputs[0][0].endswith(" 15625\n")
    files = [path.name for path in folder.iterdir()]
    assert len(files) == 1
    assert files[0].startswith("nasbench201-cifar10-v1-")

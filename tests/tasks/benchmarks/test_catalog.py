"""The catalog of benchmarks."""

import pickle
import time

import numpy as np
import pyarrow as pa
import pytest

from tasks.benchmarks import simple_hpo
from tasks.benchmarks.catalog import benchmark_names, describe, load_benchmark
from tasks.benchmarks.embedded import embedded_files
from tasks.benchmarks.io import write_table
from tasks.errors import InputError
from tasks.spaces.nasbench201 import NasBench201

OFFICIAL = {"nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120"}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("NASPRED_CACHE", str(tmp_path_factory.mktemp("cache")))
    load_benchmark.cache_clear()
    yield
    load_benchmark.cache_clear()
    patch.undo()


def test_names_and_descriptions_agree_with_the_tables():
    assert benchmark_names() == sorted(OFFICIAL | set(embedded_files()))
    for info in shipped():
        table = load_benchmark(info["name"])
        assert table.name == info["name"] == f"{info['space']}/{info['dataset']}"
        assert (len(table), table.epochs) == (info["n"], info["epochs"])
        assert (table.source, table.licence) == (info["source"], info["licence"])
        assert info["available"]
        assert info["why_not"] == ""
    assert [info["name"] for info in shipped()] == benchmark_names()
    assert [info["name"] for info in describe()] == sorted(info["name"] for info in describe())


def shipped():
    return [info for info in describe() if info["available"]]


def test_a_table_put_into_the_package_is_in_the_catalog(tmp_path, monkeypatch):
    table = load_benchmark("nasbench201/cifar10")
    few = [table.space.format(tuple(row)) for row in table.codes[:3].tolist()]
    columns = pa.table({"arch": few, "canonical": few, "val_acc": [10.0, 20.0, 30.0]})
    build = {"recipe": {"epochs": 2}, "runs": 4}
    facts = {"space": "nasbench201", "dataset": "mine", "epochs": 2, "source": "made here", "build": build}
    write_table(tmp_path / "any-name.parquet", columns, facts)
    monkeypatch.setattr("tasks.benchmarks.embedded.FOLDER", tmp_path)
    assert "nasbench201/mine" in benchmark_names()
    loaded = load_benchmark("nasbench201/mine")
    assert (loaded.val_acc.tolist(), loaded.build) == ([10.0, 20.0, 30.0], build)
    record = next(info for info in describe() if info["name"] == "nasbench201/mine")
    assert (record["n"], record["epochs"], record["source"], record["available"]) == (3, 2, "made here", True)


def test_what_is_not_shipped_says_how_to_get_it():
    record = next(info for info in describe() if info["name"] == "nasbench101/cifar10")
    assert not record["available"]
    assert "naspred bench import nasbench101 nasbench_only108.tfrecord" in record["why_not"]
    with pytest.raises(InputError, match=r"nasbench101/cifar10: not shipped; download https.*bench import"):
        load_benchmark("nasbench101/cifar10")


def test_table_is_complete_and_consistent():
    table = load_benchmark("nasbench201/cifar100")
    space = NasBench201()
    assert table.space == space
    assert table.codes.shape == (15_625, 6)
    assert len({tuple(row) for row in table.codes.tolist()}) == 15_625
    params, flops = space.count(table.codes, table.dataset)
    np.testing.assert_array_equal(table.params, params)
    np.testing.assert_array_equal(table.flops, flops)
    forms = space.canonical_many(table.codes)
    assert len(set(zip(forms, table.canonical_ids.tolist(), strict=True))) == len(set(forms)) == 6_466
    for column in (table.val_acc, table.train_time_s, table.latency_s):
        assert np.isfinite(column).all()
        assert (column > 0).all()
    assert table.test_acc is None
    assert table.curves == {}


def test_one_object_per_process_that_cannot_be_changed():
    table = load_benchmark("nasbench201/cifar10")
    assert load_benchmark("nasbench201/cifar10") is table
    with pytest.raises(ValueError, match="read-only"):
        table.val_acc[0] = 0.0


def test_tables_of_different_data_sets_have_different_fingerprints():
    fingerprints = {load_benchmark(name).fingerprint for name in benchmark_names()}
    assert len(fingerprints) == len(benchmark_names()) >= 4


def test_fingerprint_is_part_of_every_stored_key():
    # A change here makes every stored result stale; it must not happen unnoticed.
    assert load_benchmark("nasbench201/cifar10").fingerprint == (
        "e07f37e646f1ba718b4d6f0a149b3106ea3192a5fcabfef695cf9291243001e0"
    )


def test_table_travels_to_other_processes():
    table = load_benchmark("nasbench201/cifar10")
    copy = pickle.loads(pickle.dumps(table))
    assert copy.space == table.space
    np.testing.assert_array_equal(copy.codes, table.codes)


def test_cached_table_loads_fast():
    load_benchmark("nasbench201/cifar10")
    load_benchmark.cache_clear()
    start = time.process_time()
    load_benchmark("nasbench201/cifar10")
    assert time.process_time() - start < 0.5


def test_unknown_benchmark_is_an_error_with_close_matches():
    with pytest.raises(
        InputError, match="unknown benchmark 'nasbench201/cifar-10'; did you mean 'nasbench201/cifar10'"
    ):
        load_benchmark("nasbench201/cifar-10")


def test_missing_package_is_described(monkeypatch):
    monkeypatch.setattr(simple_hpo, "MODULE", "a_module_that_is_not_installed")
    records = [info for info in describe() if info["name"] in OFFICIAL]
    assert len(records) == len(OFFICIAL)
    assert all(not info["available"] and "pip install" in info["why_not"] for info in records)
    assert {info["name"] for info in shipped()} == set(embedded_files())

"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from pipeline.execute.threads import limit_threads
from tasks.benchmarks.table import BenchmarkTable
from tasks.seeds import digest
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

# As in a worker, and before a test loads further libraries: several threads on busy cores spin.
limit_threads()

HERE = Path(__file__).parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Two processes for the whole suite, half of which is waiting; one for a part, which starts at once."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    return 2 if whole else 0


def _group(item):
    """What shares fixtures runs in one process; None for tests that run anywhere.

    Only one process starts the Ray of the session.
    """
    case = getattr(item, "callspec", None)
    if "local_ray" in item.fixturenames or (case and case.params.get("backend") == "on_ray"):
        return "ray"
    folder = item.path.parent.relative_to(HERE).as_posix()
    if folder == "common":
        return None
    return folder if folder == "pipeline/store" else item.path.relative_to(HERE).as_posix()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if not hasattr(config, "workerinput"):
        return
    groups = {item.nodeid: _group(item) for item in items}
    # What waits long comes first, what can fill the gaps last.
    items.sort(
        key=lambda item: (groups[item.nodeid] is None, not item.path.is_relative_to(HERE / "pipeline"))
    )
    for item in items:
        if groups[item.nodeid] is not None:
            item.add_marker(pytest.mark.xdist_group(groups[item.nodeid]))


# A time limit per example would measure how busy the machine is.
hypothesis.settings.register_profile("naspred", deadline=None)
hypothesis.settings.load_profile("naspred")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Converted tables go to a cache of this test session, never to the user's."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["NASPRED_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def local_ray():
    """The one local Ray of the test session: two CPUs, and one GPU that only the scheduler believes in."""
    import ray

    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(address="local", num_cpus=2, num_gpus=1, **quiet)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def small_table() -> BenchmarkTable:
    """600 cells of NAS-Bench-201 with made-up accuracies that depend on the operations."""
    space = NasBench201()
    rng = np.random.default_rng(0)
    codes = np.unique(space.sample(rng, 900), axis=0)[:600]
    codes = codes[rng.permutation(len(codes))]
    forms = [space.canonical(tuple(int(code) for code in row)) for row in codes]
    ids = np.unique(forms, return_inverse=True)[1].astype(np.int64)
    accuracy = 60.0 + 4.0 * (codes == 3).sum(1) + 2.0 * (codes == 2).sum(1) - 3.0 * (codes == 0).sum(1)
    accuracy = accuracy + rng.normal(scale=0.5, size=len(codes))
    return BenchmarkTable(
        space=space,
        dataset=DatasetInfo("made-up", num_classes=10, resolution=32),
        codes=codes,
        canonical_ids=ids,
        val_acc=accuracy,
        train_time_s=1000.0 + 100.0 * (codes == 3).sum(1),
        fingerprint=digest("made-up", accuracy.tolist()),
    )


@pytest.fixture(scope="session")
def nb201_cifar10(_own_cache) -> BenchmarkTable:
    """The real table, converted from the package that ships it."""
    from tasks.benchmarks.catalog import load_benchmark

    return load_benchmark("nasbench201/cifar10")

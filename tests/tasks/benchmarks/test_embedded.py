"""The tables that ``naspred bench build`` made for the package."""

from pathlib import Path

import numpy as np
import pytest

from tasks.benchmarks.catalog import load_benchmark
from tasks.benchmarks.ceiling import first_run_agreement, noise_ceiling
from tasks.benchmarks.embedded import FOLDER, embedded_files
from tasks.spaces.base import as_arch

LEAST = {
    "darts/digits": (500, 5, 0.65),
    "nasbench101/digits": (500, 2, 0.7),
    "nasbench201/digits": (1000, 4, 0.8),
    "nasbench_nlp/unicode-names": (500, 2, 0.7),
}
"""Table -> fewest architectures and runs, lowest noise ceiling."""

RECIPES = Path(__file__).parents[3] / "examples" / "benchmarks"


def test_all_are_there_and_small():
    assert set(embedded_files()) == set(LEAST)
    assert sum(file.stat().st_size for file in FOLDER.glob("*")) < 12e6


@pytest.mark.parametrize("name", LEAST)
def test_quality(name):
    table = load_benchmark(name)
    architectures, runs, ceiling = LEAST[name]
    assert len(table) == len(set(table.canonical_ids.tolist())) >= architectures
    assert table.build["runs"] >= runs
    stated = table.build["noise_ceiling"]["val_acc"]
    assert stated["tau"] >= ceiling
    values = np.array([row for row in runs_of(name) if len(row) == table.build["runs"]])
    assert len(values) > 0.95 * len(table)
    assert noise_ceiling(values).tau == pytest.approx(stated["tau"], abs=1e-3)
    first = first_run_agreement(values)
    assert first.others_tau == pytest.approx(table.build["first_run"]["others_tau"], abs=1e-3)
    assert first.target_tau == pytest.approx(table.build["first_run"]["target_tau"], abs=1e-3)


@pytest.mark.parametrize("name", LEAST)
def test_columns_agree(name):
    table = load_benchmark(name)
    np.testing.assert_allclose(table.val_acc, [np.mean(row) for row in runs_of(name)], rtol=1e-5)
    assert set(table.curves) >= {"train_loss", "val_loss"}
    for curve in table.curves.values():
        assert curve.shape == (len(table), table.epochs)
        assert np.isfinite(curve).all()
    assert (table.train_time_s > 0).all()


@pytest.mark.parametrize("name", LEAST)
def test_anyone_can_build_them_again(name):
    from pipeline.building.build_file import load_build

    build = load_build(RECIPES / f"{name.replace('/', '-')}.yaml")
    assert build.make_recipe().to_mapping() == load_benchmark(name).build["recipe"]
    assert build.licence == load_benchmark(name).licence


@pytest.mark.parametrize("name", LEAST)
def test_networks_have_as_many_parameters_as_stated(name):
    table = load_benchmark(name)
    names = (
        ("embedding", "hidden", "layers", "tied")
        if table.space.name == "nasbench_nlp"
        else ("channels", "cells")
    )
    sizes = {key: table.build["recipe"][key] for key in names}
    for row in range(0, len(table), len(table) // 10):
        network = table.space.build(as_arch(table.codes[row]), table.dataset, **sizes)
        assert sum(weight.numel() for weight in network.parameters()) == table.params[row]


def runs_of(name):
    import pyarrow.parquet as pq

    return pq.read_table(embedded_files()[name], columns=["val_acc_runs"])["val_acc_runs"].to_pylist()

"""Logs and surrogate models of NAS-Bench-301, and NASLib's pickle of DARTS."""

import json
import pickle
import re
import sys
import types

import numpy as np
import pytest

from tasks.benchmarks.io import read_table
from tasks.benchmarks.official.nasbench301 import import_logs
from tasks.benchmarks.official.nasbench301_surrogate import import_surrogate
from tasks.benchmarks.official.naslib import import_naslib
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.registry import get_space

SPACE = get_space("darts")
PREFIX = "NetworkSelectorDatasetInfo:darts:"
EPOCHS = 4


def configuration(genotype, *, layers=8):
    """The authors' flat configuration: an operation per chosen edge, the inputs per node."""
    config = {f"{PREFIX}layers": layers, f"{PREFIX}init_channels": 32, "OptimizerSelector:optimizer": "sgd"}
    for cell in ("normal", "reduce"):
        pairs = eval(re.search(rf"{cell}=(\[.*?\])", genotype)[1])
        for node in range(2, 6):
            first_edge = sum(range(2, node))
            both = sorted(pairs[2 * (node - 2) : 2 * (node - 1)], key=lambda pair: pair[1])
            for operation, predecessor in both:
                config[f"{PREFIX}edge_{cell}_{first_edge + predecessor}"] = operation
            if node > 2:
                config[f"{PREFIX}inputs_node_{cell}_{node}"] = "_".join(str(pair[1]) for pair in both)
    return config


def log(rng, genotype, *, epochs=EPOCHS, **size):
    curves = {
        f"Train/{name}": list(100 * rng.random(epochs))
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")
    }
    return {
        "budget": epochs,
        "optimized_hyperparamater_config": configuration(genotype, **size),
        "learning_curves": curves,
        "info": [{"val_accuracy": 100 * rng.random(), "model_parameters": 1.5, "train_accuracy": 99.0}],
        "test_accuracy": 100 * rng.random(),
        "runtime": 5000.0 + rng.random(),
    }


@pytest.fixture
def genotypes():
    return [SPACE.format(as_arch(row)) for row in SPACE.sample(np.random.default_rng(0), 3)]


def write(folder, logs):
    (folder / "rs").mkdir()
    for number, content in enumerate(logs):
        (folder / "rs" / f"results_{number}.json").write_text(json.dumps(content))


def test_logs_become_a_table(tmp_path, genotypes):
    rng = np.random.default_rng(1)
    logs = [log(rng, genotype) for genotype in (*genotypes, genotypes[0])]
    logs.append(log(rng, genotypes[2], epochs=EPOCHS - 1))
    folder = tmp_path / "logs"
    folder.mkdir()
    write(folder, logs)
    (path,) = [table.path for table in import_logs(folder, tmp_path)]
    table = read_table(path)
    assert (table.name, table.epochs, len(table)) == ("darts/cifar10", EPOCHS, 3)
    forms = [SPACE.canonical(as_arch(codes)) for codes in table.codes]
    assert forms == [SPACE.canonical(SPACE.parse(genotype)) for genotype in genotypes]
    twice = [content["info"][0]["val_accuracy"] for content in (logs[0], logs[3])]
    assert table.val_acc[0] == pytest.approx(np.mean(twice))
    assert table.val_acc[1] == logs[1]["info"][0]["val_accuracy"]
    np.testing.assert_allclose(
        table.curves["val_loss"][1], logs[1]["learning_curves"]["Train/val_loss"], rtol=1e-6
    )
    np.testing.assert_allclose(table.epoch_time_s, table.train_time_s / EPOCHS)


def test_runs_that_diverged_or_ended_early_are_left_out_and_counted(tmp_path, genotypes):
    rng = np.random.default_rng(1)
    logs = [log(rng, genotype) for genotype in (*genotypes, genotypes[0])]
    logs[1]["learning_curves"]["Train/train_loss"][2] = float("nan")
    logs[3]["info"][0]["val_accuracy"] = float("inf")
    logs.append(log(rng, genotypes[1]))
    logs[4]["learning_curves"]["Train/val_loss"][0] = 1e200
    logs.append(log(rng, genotypes[2], epochs=EPOCHS - 1))
    write(tmp_path, logs)
    (imported,) = import_logs(tmp_path, tmp_path / "table.parquet")
    assert (imported.read, imported.left_out) == (6, {"diverged": 3, "of other length": 1})
    table = read_table(imported.path)
    forms = [SPACE.canonical(as_arch(codes)) for codes in table.codes]
    assert forms == [SPACE.canonical(SPACE.parse(genotypes[number])) for number in (0, 2)]
    assert table.val_acc[0] == logs[0]["info"][0]["val_accuracy"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("learning_curves", []),
        ("optimized_hyperparamater_config", None),
        ("info", [7]),
        ("runtime", 10**400),
        ("learning_curves", {"Train/val_accuracy": []}),
        ("learning_curves", {"Train/val_accuracy": [[1.0]]}),
        ("learning_curves", {"Train/val_accuracy": ["high"]}),
        ("learning_curves", {"Train/val_accuracy": [1.0], "Train/val_loss": 1.0}),
        ("learning_curves", {"Train/val_accuracy": [1.0], "Train/val_loss": {}}),
        ("learning_curves", {"Train/val_accuracy": [10**400]}),
    ],
)
def test_a_malformed_log_is_named(place, value, tmp_path, genotypes):
    write(tmp_path, [{**log(np.random.default_rng(1), genotypes[0]), place: value}])
    with pytest.raises(InputError, match=r"results_0\.json: not a log of NAS-Bench-301"):
        import_logs(tmp_path, tmp_path)
    (tmp_path / "rs" / "results_0.json").write_text(
        json.dumps(log(np.random.default_rng(1), genotypes[0], layers=[8]))
    )
    with pytest.raises(InputError, match=r"results_0\.json: not a log of NAS-Bench-301"):
        import_logs(tmp_path, tmp_path)


def test_logs_of_different_networks_are_refused(tmp_path, genotypes):
    rng = np.random.default_rng(1)
    write(tmp_path, [log(rng, genotypes[0]), log(rng, genotypes[1], layers=5)])
    with pytest.raises(InputError, match=r"different \(layers, channels\)"):
        import_logs(tmp_path, tmp_path)


def test_what_is_no_log_is_named(tmp_path, genotypes):
    with pytest.raises(InputError, match="must be a folder with logs"):
        import_logs(tmp_path, tmp_path)
    broken = log(np.random.default_rng(1), genotypes[0])
    del broken["optimized_hyperparamater_config"][f"{PREFIX}inputs_node_normal_4"]
    write(tmp_path, [broken])
    with pytest.raises(InputError, match=r"results_0\.json: not a log of NAS-Bench-301"):
        import_logs(tmp_path, tmp_path)


def test_surrogates_predict_distinct_genotypes(tmp_path, monkeypatch):
    class Model:
        def __init__(self, scale):
            self.scale = scale

        def predict(self, *, config, representation, with_noise):
            assert representation == "genotype"
            assert with_noise is False
            assert config.normal_concat == [2, 3, 4, 5]
            skips = sum(operation == "skip_connect" for operation, _ in config.normal)
            return np.array([self.scale - skips])

    def load_ensemble(folder):
        return Model(95.0 if folder.endswith("xgb_v1.0") else 5000.0)

    monkeypatch.setitem(sys.modules, "nasbench301", types.SimpleNamespace(load_ensemble=load_ensemble))
    with pytest.raises(InputError, match=r"xgb_v1\.0: no such folder"):
        import_surrogate(tmp_path, tmp_path)
    for name in ("xgb_v1.0", "lgb_runtime_v1.0"):
        (tmp_path / name).mkdir()
    (path,) = [table.path for table in import_surrogate(tmp_path, tmp_path, archs=12)]
    table = read_table(path)
    assert np.unique(table.canonical_ids).size == len(table) == 12
    expected = [
        95.0 - SPACE.format(as_arch(codes)).split("reduce=")[0].count("skip_connect") for codes in table.codes
    ]
    np.testing.assert_array_equal(table.val_acc, expected)
    np.testing.assert_array_equal(table.train_time_s, table.val_acc + 4905.0)


def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nasbench301", None)
    with pytest.raises(InputError, match="need the package nasbench301"):
        import_surrogate(tmp_path, tmp_path)


def test_naslib_pickle_of_darts(tmp_path):
    rng = np.random.default_rng(2)
    cell = ((0, 0), (1, 1), (0, 2), (2, 3), (1, 4), (3, 5), (0, 6), (4, 0))
    arch = (cell, cell)
    content = {
        arch: {
            "train_losses": list(rng.random(EPOCHS)),
            "val_accuracies": list(100 * rng.random(EPOCHS)),
            "runtime": 4000.0,
        }
    }
    path = tmp_path / "nb301_full_training.pickle"
    path.write_bytes(pickle.dumps(content))
    (written,) = [table.path for table in import_naslib(path, tmp_path)]
    table = read_table(written)
    assert table.name == "darts/cifar10"
    assert table.val_acc[0] == content[arch]["val_accuracies"][-1]
    assert table.epoch_time_s[0] == 1000.0
    text = SPACE.format(as_arch(table.codes[0]))
    assert "('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 2)" in text

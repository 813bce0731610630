"""NASLib's pickles and the scores of NAS-Bench-Suite-Zero."""

import json
import pickle

import numpy as np
import pytest

from tasks.benchmarks.io import read_table
from tasks.benchmarks.official.naslib import import_naslib
from tasks.benchmarks.official.naslib_notation import official_notation
from tasks.benchmarks.official.suite_zero import import_suite_zero
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201

EPOCHS = 5


def nasbench201_entry(rng, seconds):
    return {
        "train_losses": list(rng.random(EPOCHS)),
        "eval_losses": list(rng.random(EPOCHS)),
        "train_acc1es": list(10 + 80 * rng.random(EPOCHS)),
        "eval_acc1es": list(10 + 80 * rng.random(EPOCHS)),
        "cost_info": {"flops": 40.0, "params": 0.3, "latency": 0.01, "train_time": np.float64(seconds)},
    }


@pytest.mark.parametrize(("seconds", "whole"), [(10.0, 10.0 * EPOCHS), (4000.0, 4000.0)])
def test_nasbench201_pickle(seconds, whole, tmp_path):
    rng, space = np.random.default_rng(0), NasBench201()
    archs = [space.format(as_arch(row)) for row in space.sample(rng, 3)]
    content = {
        arch: {
            "cifar10-valid": nasbench201_entry(rng, seconds),
            "cifar10": nasbench201_entry(rng, seconds),
            "cifar100": nasbench201_entry(rng, seconds),
        }
        for arch in archs
    }
    path = tmp_path / "nb201_cifar10_full_training.pickle"
    path.write_bytes(pickle.dumps(content))
    paths = [table.path for table in import_naslib(path, tmp_path)]
    assert [path.name for path in paths] == ["nasbench201-cifar10.parquet", "nasbench201-cifar100.parquet"]
    table = read_table(paths[0])
    for row, arch in enumerate(archs):
        entry = content[arch]["cifar10-valid"]
        assert table.val_acc[row] == entry["eval_acc1es"][-1]
        np.testing.assert_allclose(table.curves["val_loss"][row], entry["eval_losses"], rtol=1e-6)
    np.testing.assert_allclose(table.train_time_s, whole)
    np.testing.assert_allclose(table.epoch_time_s, whole / EPOCHS)


def test_runs_that_diverged_or_ended_early_are_left_out(tmp_path):
    rng, space = np.random.default_rng(0), NasBench201()
    archs = [space.format(as_arch(row)) for row in space.sample(rng, 4)]
    entries = [nasbench201_entry(rng, 10.0) for _ in archs]
    entries[1]["train_losses"][2] = float("nan")
    for name in ("train_losses", "eval_losses", "train_acc1es", "eval_acc1es"):
        entries[2][name] = entries[2][name][:-1]
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps({a: {"cifar100": e} for a, e in zip(archs, entries, strict=True)}))
    (imported,) = import_naslib(path, tmp_path / "one.parquet")
    assert (imported.read, imported.left_out) == (4, {"diverged": 1, "of other length": 1})
    table = read_table(imported.path)
    assert [space.format(as_arch(codes)) for codes in table.codes] == [archs[0], archs[3]]


ENTRY = nasbench201_entry(np.random.default_rng(0), 1.0)
NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([1], "expected a dict of architectures, got list"),
        ({1: 2}, "key 1 is no architecture"),
        ({"|none~0|": {}}, "has none of the data sets"),
        ({"|none~0|": {"cifar100": {}}}, r"\|none~0\|: not an entry of NASLib \(KeyError: 'cost_info'\)"),
        ({"|none~0|": 5}, r"\|none~0\|: not an entry of NASLib"),
        ({"|none~0|": {"cifar100": ENTRY}}, r"none of its 1 runs can be used \(1 outside the space\)"),
        ({NONE: {"cifar100": {**ENTRY, "train_losses": []}}}, "not an entry of NASLib"),
        ({NONE: {"cifar100": {**ENTRY, "train_losses": 1.0}}}, "not an entry of NASLib"),
        ({NONE: {"cifar100": {**ENTRY, "eval_losses": 1.0}}}, "not an entry of NASLib"),
        ({NONE: {"cifar100": {**ENTRY, "eval_losses": ["low"] * 2}}}, "not an entry of NASLib"),
        ({((), ()): {}}, "not an entry of NASLib"),
        ({((1,),): {}}, "key"),
    ],
)
def test_other_pickles_are_named(content, problem, tmp_path):
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=rf"x\.pickle: .*{problem}"):
        import_naslib(path, tmp_path)


def test_order_and_codes_of_nasbench201():
    # The edges by source node are 0-1, 0-2, 0-3, 1-2, 1-3, 2-3.
    text = official_notation("nasbench201", (0, 1, 2, 3, 4, 2))
    assert text == ("|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_3x3~2|")


def test_nasbench101_tuple_gives_the_cell():
    matrix = [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    text = official_notation("nasbench101", (*np.ravel(matrix), 0, 2, 4, 1))
    assert json.loads(text) == {
        "matrix": matrix,
        "ops": ["input", "maxpool3x3", "conv3x3-bn-relu", "output"],
    }
    NasBench101().parse(text)


def test_nasbench_nlp_tuple_keeps_the_order_of_inputs():
    compact = (((0, 4), (1, 4), (4, 5), (2, 5), (0, 5)), (0, 0, 0, 0, 6, 7), (5,))
    assert json.loads(official_notation("nasbench_nlp", compact)) == {
        "node_4": {"op": "linear", "input": ["x", "h_prev_0"]},
        "h_new_0": {"op": "blend", "input": ["node_4", "h_prev_1", "x"]},
    }


@pytest.mark.parametrize(
    ("space", "compact"),
    [
        ("nasbench201", (0, 1)),
        ("nasbench201", (0, 1, 2, 3, 4, 5)),
        ("nasbench201", 3),
        ("nasbench101", (0, 1, 0)),
        ("darts", ((1, 2),)),
        ("nasbench_nlp", ((), (0, 0, 0, 0, 99), ())),
    ],
)
def test_what_is_no_architecture_is_refused(space, compact):
    with pytest.raises(InputError, match=f"is no architecture of {space}"):
        official_notation(space, compact)


def test_suite_zero_scores_become_targets(tmp_path):
    rng = np.random.default_rng(0)
    archs = ["(4, 0, 3, 1, 4, 3)", "(0, 0, 0, 0, 0, 1)"]
    content = {
        name: {
            arch: {
                "synflow": {"score": float(rng.normal()), "time": 0.5},
                "epe_nas": {"score": -1e8 if row else 3.5, "time": 0.25},
                "id": "27",
                "val_accuracy": 10 + 80 * rng.random(),
            }
            for row, arch in enumerate(archs)
        }
        for name in ("cifar10", "ImageNet16-120")
    }
    path = tmp_path / "zc_nasbench201.json"
    path.write_text(json.dumps(content))
    paths = [table.path for table in import_suite_zero(path, tmp_path)]
    assert [path.name for path in paths] == [
        "nasbench201-cifar10.parquet",
        "nasbench201-imagenet16-120.parquet",
    ]
    table = read_table(paths[1])
    entries = list(content["ImageNet16-120"].values())
    np.testing.assert_array_equal(table.val_acc, [entry["val_accuracy"] for entry in entries])
    np.testing.assert_array_equal(table.targets["synflow"], [entry["synflow"]["score"] for entry in entries])
    np.testing.assert_array_equal(table.targets["epe_nas"], [3.5, np.nan])
    np.testing.assert_array_equal(table.targets["epe_nas_time_s"], 0.25)


def test_suite_zero_leaves_out_what_diverged(tmp_path):
    path = tmp_path / "zc_nasbench201.json"
    entry = {"val_accuracy": 50.0, "jacov": {"score": float("-inf"), "time": 1.0}, "synflow": {"score": 1}}
    failed = {"val_accuracy": float("nan"), "grasp": {"score": 10**400}}
    good = {"val_accuracy": 60.0, "jacov": {"score": 2.0, "time": 1.0}, "synflow": {"score": None}}
    archs = dict(zip((f"(0, 1, 2, 3, 4, {code})" for code in range(3)), (entry, failed, good), strict=True))
    path.write_text(json.dumps({"cifar10": archs}))
    (imported,) = import_suite_zero(path, tmp_path)
    assert (imported.read, imported.left_out) == (3, {"diverged": 1})
    table = read_table(imported.path)
    assert table.val_acc.tolist() == [50.0, 60.0]
    np.testing.assert_equal(table.targets["jacov"].tolist(), [np.nan, 2.0])
    np.testing.assert_equal(table.targets["synflow"].tolist(), [1.0, np.nan])
    assert "grasp" not in table.targets


ZERO = '{"cifar10": {"(0, 1, 2, 3, 4, 0)": %s}}'


def test_other_json_is_named(tmp_path):
    path = tmp_path / "zc_transbench101.json"
    with pytest.raises(InputError, match=r"allowed: zc_nasbench101\.json"):
        import_suite_zero(path, tmp_path)
    path = tmp_path / "zc_nasbench201.json"
    for text, problem in (
        ("{", "cannot be read as JSON"),
        ("[]", "expected an object of data sets"),
        ('{"cifar10": {"(1, 2)": {"val_accuracy": 1}}}', r"cifar10: key '\(1, 2\)'"),
        ('{"cifar10": {"__import__(0)": {"val_accuracy": 1}}}', "key '__import__"),
        (ZERO % "5", r"cifar10: key '\(0, 1, 2, 3, 4, 0\)': is 5, must be an object"),
        (ZERO % '{"jacov": {}}', r"4, 0\)': field 'val_accuracy' is missing"),
        (ZERO % '{"val_accuracy": "x"}', r"4, 0\)': field 'val_accuracy' is 'x', must be a number"),
        (ZERO % '{"val_accuracy": 1, "jacov": {"score": []}}', r"4, 0\)': field 'jacov.score' is \[\]"),
        (ZERO % '{"val_accuracy": NaN}', r"none of its 1 runs can be used \(1 diverged\)"),
        ("[" * 100_000, "cannot be read as JSON"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=problem):
            import_suite_zero(path, tmp_path)

import importlib.metadata
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from predictors import registry
from predictors.base import Predictor, PredictorInfo
from predictors.catalog import BUILTIN
from predictors.observations import Observations
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

PLUGIN = """
from typing import Annotated

from predictors.base import Predictor, PredictorInfo
from predictors.parameters import Range


class Base(Predictor):
    def __init__(self, *, power: Annotated[float, Range(0, 9)] = 1.0, seed: int = 0):
        self.power = power
        self.seed = seed

    def _fit(self, train):
        self.n_ = len(train)

    def _predict(self, query):
        return query.codes.sum(axis=1) ** self.power


class {cls}(Base):
    info = PredictorInfo(name="{name}", target="x:X", family="baseline", needs=frozenset({{"labels"}}))
"""


@pytest.fixture(autouse=True)
def _unchanged_registry(monkeypatch):
    monkeypatch.setattr(registry, "_infos", dict(registry._infos))
    monkeypatch.setattr(registry, "_failed_entry_points", {})
    yield
    registry._load_entry_points.cache_clear()


def test_builtin_names():
    names = [info.name for info in registry.all_infos()]
    assert names[: len(BUILTIN)] == [info.name for info in BUILTIN]
    assert {"rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg", "gpwl", "params", "flops"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            '{"labels"}',
            '{"label"}',
            r"dice: unknown need 'label'; did you mean 'labels'\? allowed: labels, curves",
        ),
        ('frozenset({"labels"})', '"labels"', r"dice: needs is 'labels', must be a set of names"),
        ('"baseline"', '"modelbased"', r"dice: unknown family 'modelbased'; did you mean 'model_based'"),
    ],
)
def test_needs_and_families_that_do_not_exist_are_refused(right, wrong, message):
    source = PLUGIN.format(cls="Dice", name="dice")
    assert right in source
    with pytest.raises(InputError, match=message):
        registry.register_source("dice.py", source.replace(right, wrong))


@pytest.mark.parametrize("info", BUILTIN, ids=lambda info: info.name)
def test_builtin_targets_exist_and_their_packages_are_installed(info):
    assert (
        f"{registry.load_class(info.name).__module__}:{registry.load_class(info.name).__name__}"
        == info.target
    )
    assert registry.installed(info) == (True, "")


def test_reading_the_registry_and_making_predictors_imports_no_heavy_package():
    program = """
import sys
from predictors import checks, registry
for info in registry.all_infos():
    registry.create(info.name, {}, seed=0)
    registry.get_parameters(info.name)
heavy = {"torch", "sklearn", "lightgbm", "xgboost", "ngboost", "gpytorch", "pandas", "ray"} & set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else 0)
"""
    path = ":".join(entry or "." for entry in sys.path)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": path}, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_unknown_predictor():
    with pytest.raises(
        InputError, match=r"unknown predictor 'rff'; did you mean 'rf'\? allowed: .*bayes_lin_reg"
    ):
        registry.get_info("rff")


def test_create_passes_parameters_and_seed():
    forest = registry.create("rf", {"n_estimators": 3, "max_features": 1}, seed=9)
    assert forest.get_params() == {
        "encoding": "adjacency",
        "n_estimators": 3,
        "max_features": 1.0,
        "min_samples_leaf": 2,
        "min_samples_split": 2,
        "bootstrap": False,
        "seed": 9,
    }


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_create_refuses_seeds_out_of_range(seed):
    with pytest.raises(InputError, match=rf"predictor rf: seed is {seed}"):
        registry.create("rf", {}, seed=seed)


def test_create_refuses_wrong_parameters():
    with pytest.raises(InputError, match="predictor rf: parameter n_estimators is 0"):
        registry.create("rf", {"n_estimators": 0}, seed=0)


def test_changed_parameters_are_those_that_differ_from_the_defaults():
    params = {"n_estimators": 116, "max_features": 1, "bootstrap": False, "encoding": "path"}
    assert registry.changed_parameters("rf", params) == {"encoding": "path", "max_features": 1.0}
    assert type(registry.changed_parameters("rf", {"max_features": 1})["max_features"]) is float
    with pytest.raises(InputError, match="unknown parameter 'depth'"):
        registry.changed_parameters("rf", {"depth": 1})


def test_availability_on_a_table_with_counts_but_no_curves(small_table):
    rf, params = registry.get_info("rf"), registry.get_info("params")
    assert registry.availability(rf, small_table) == (True, "")
    assert registry.availability(params, small_table) == (True, "")

    elsewhere = replace(rf, spaces=frozenset({"darts"}))
    assert registry.availability(elsewhere, small_table) == (False, "runs on darts only, not on nasbench201")
    assert registry.availability(replace(rf, packages=("no_such_package",)), small_table) == (
        False,
        "needs the package no_such_package, which is not installed",
    )
    curves = replace(rf, needs=frozenset({"curves"}))
    usable, why_not = registry.availability(curves, small_table)
    assert not usable
    assert "learning curves, and nasbench201/made-up has none" in why_not
    losses = np.repeat(100.0 - small_table.val_acc[:, None], 3, axis=1).astype(np.float32)
    with_curves = replace(small_table, curves={"val_loss": losses})
    assert registry.availability(curves, with_curves) == (True, "")
    assert registry.availability(replace(curves, curves=("val_loss",)), with_curves) == (True, "")
    assert registry.availability(replace(curves, curves=("train_loss",)), with_curves) == (
        False,
        "needs the curve train_loss, and nasbench201/made-up has val_loss",
    )
    for images in (replace(rf, needs=frozenset({"images"})), registry.get_info("rsws")):
        usable, why_not = registry.availability(images, small_table)
        assert not usable
        assert why_not.startswith("needs images: no images of made-up")
    assert registry.availability(registry.get_info("rsws"), small_table, {"images": "noise"}) == (True, "")


def test_loss_stands_in_for_accuracy_only_on_its_scale(small_table):
    valacc = registry.get_info("valacc")
    losses = np.repeat(100.0 - small_table.val_acc[:, None], 3, axis=1).astype(np.float32)
    assert registry.availability(valacc, replace(small_table, curves={"val_loss": losses})) == (True, "")
    usable, why_not = registry.availability(valacc, replace(small_table, curves={"val_loss": losses / 50}))
    assert not usable
    assert why_not.startswith("needs the curve val_acc_curve, and nasbench201/made-up has val_loss; 100 - ")


def test_availability_of_counts_on_a_table_of_cells(small_table):
    space = DagSpace("mine", ("in", "a", "out"), 4)
    codes = space.sample(np.random.default_rng(0), 5)
    usable, why_not = registry.availability(
        registry.get_info("flops"), replace(small_table, space=space, codes=codes)
    )
    assert not usable
    assert why_not.startswith("needs parameter and multiply-add counts: ")


def test_plugin_file(tmp_path):
    file = tmp_path / "my-plugin.py"
    file.write_text(PLUGIN.format(cls="Power", name="power"))
    assert registry.register_file(file) == ["power"]
    assert registry.register_file(str(file)) == ["power"]
    info = registry.get_info("power")
    assert info in registry.all_infos()
    space = NasBench201()
    codes = space.all_codes()[:4]
    known = Observations(space, DatasetInfo("d"), codes, np.arange(4.0))
    predictor = registry.create("power", {"power": 2.0}, seed=1).fit(known)
    assert predictor.predict(known).tolist() == [0, 1, 4, 9]
    with pytest.raises(InputError, match=r"parameter power is 10, must be of type float, in \[0, 9\]"):
        registry.create("power", {"power": 10}, seed=1)

    again = pickle.loads(pickle.dumps(predictor))
    assert again.predict(known).tolist() == [0, 1, 4, 9]


def test_source_registered_elsewhere_is_the_same_module(tmp_path):
    """Instances travel between processes that registered the same source by path or by text."""
    file = tmp_path / "shared.py"
    source = PLUGIN.format(cls="Shared", name="shared")
    file.write_text(source)
    registry.register_file(file)
    target = registry.get_info("shared").target
    assert registry.register_source("shared.py", source) == ["shared"]
    assert registry.get_info("shared").target == target


def test_changed_plugin_of_the_same_name_is_refused(tmp_path):
    source = PLUGIN.format(cls="Mine", name="mine")
    registry.register_source("a.py", source)
    with pytest.raises(InputError, match=r"plugin b.py: the name 'mine' is taken by naspred_plugin_a_"):
        registry.register_source("b.py", source + "\n# changed\n")
    with pytest.raises(InputError, match=r"the name 'rf' is taken by predictors.model_based.rf:RandomForest"):
        registry.register_source("c.py", PLUGIN.format(cls="Mine", name="rf"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "plugin p.py: defines no predictor"),
        ("from predictors.model_based.rf import RandomForest", "plugin p.py: defines no predictor"),
        ("1 / 0", "plugin p.py: fails to run: ZeroDivisionError"),
        ("def broken(", "plugin p.py: fails to run: SyntaxError"),
        (
            "from predictors.base import Predictor\nclass A(Predictor):\n    info = 3",
            "A.info is 3, must be a PredictorInfo",
        ),
    ],
)
def test_bad_plugins_name_the_file_and_the_reason(source, message):
    before = {name for name in sys.modules if name.startswith("naspred_plugin")}
    with pytest.raises(InputError, match=message):
        registry.register_source("p.py", source)
    after = {name for name in sys.modules if name.startswith("naspred_plugin")}
    assert len(after - before) == ("fails to run" not in message)


def test_missing_and_binary_plugin_files(tmp_path):
    with pytest.raises(InputError, match=r"plugin .*none\.py: cannot be read \(No such file"):
        registry.register_file(tmp_path / "none.py")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.py: is not UTF-8"):
        registry.register_file(tmp_path / "binary.py")


class _Entry:
    def __init__(self, name, value):
        self.name, self.value = name, f"package:{name}"
        self._value = value

    def load(self):
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


class FromPackage(Predictor):
    info = PredictorInfo(name="from_package", target="", family="baseline", needs=frozenset({"labels"}))

    def __init__(self, *, seed: int = 0):
        self.seed = seed

    def _fit(self, train):
        self.n_ = len(train)

    def _predict(self, query):
        return np.zeros(len(query))


def test_entry_points_are_found_and_broken_ones_reported(monkeypatch):
    entries = [
        _Entry("from_package", FromPackage),
        _Entry("broken", ImportError("no module named heavy")),
        _Entry("not_a_predictor", int),
    ]
    asked = []
    monkeypatch.setattr(registry, "entry_points", lambda group: asked.append(group) or entries)
    registry._load_entry_points.cache_clear()
    assert registry.get_info("from_package").target == f"{__name__}:FromPackage"
    assert asked == ["naspred.predictors"]
    assert set(registry.failed_entry_points()) == {"broken", "not_a_predictor"}
    with pytest.raises(InputError, match=r"'broken' does not load: .*package:broken: ImportError: no module"):
        registry.get_info("broken")
    with pytest.raises(InputError, match=r"not a subclass of predictors.base.Predictor"):
        registry.get_info("not_a_predictor")
    assert "rf" in {info.name for info in registry.all_infos()}


def test_entry_point_group_is_the_documented_one():
    assert registry.ENTRY_POINT_GROUP == "naspred.predictors"
    assert registry.entry_points is importlib.metadata.entry_points


def test_register_a_class(monkeypatch):
    assert registry.register(FromPackage).name == "from_package"
    with pytest.raises(InputError, match="is not a subclass of"):
        registry.register(int)


def test_target_that_does_not_import(monkeypatch):
    bad = PredictorInfo(name="bad", target="no.such:Thing", family="baseline", needs=frozenset({"labels"}))
    registry._infos["bad"] = bad
    with pytest.raises(InputError, match=r"predictor bad: no.such:Thing cannot be imported"):
        registry.load_class("bad")
    registry._infos["bad"] = replace(bad, target="predictors.registry:create")
    with pytest.raises(InputError, match="is not a subclass of Predictor"):
        registry.load_class("bad")

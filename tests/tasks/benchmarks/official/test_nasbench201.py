"""The three containers of NAS-Bench-201 give the same tables; what is not data is refused."""

import bz2
import copy
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from tasks.benchmarks.io import read_table
from tasks.benchmarks.official.nasbench201 import import_nasbench201
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
ARCHS = [SPACE.format(as_arch(row)) for row in SPACE.sample(np.random.default_rng(0), 4)]


def run(rng, name, seed, epochs, evaluations):
    """One training run as the authors' ``ResultsCount.state_dict()`` gives it."""
    every = {f"{split}@{epoch}": 10 + 80 * rng.random() for split, last in evaluations.items()
             for epoch in (range(epochs) if last == "all" else [epochs - 1])}  # fmt: skip
    return {
        "name": name,
        "net_state_dict": None,
        "train_acc1es": {epoch: 10 + 80 * rng.random() for epoch in range(epochs)},
        "train_acc5es": None,
        "train_losses": {epoch: 3 * rng.random() for epoch in range(epochs)},
        "train_times": {epoch: 10.0 + rng.random() for epoch in range(epochs)},
        "arch_config": {"channel": 16, "num_cells": 5, "class_num": 10},
        "params": 0.3,
        "flop": 40.0,
        "seed": seed,
        "epochs": epochs,
        "latency": [0.01, 0.03],
        "eval_names": list(evaluations),
        "eval_acc1es": every,
        "eval_times": dict.fromkeys(every, 1.0),
        "eval_losses": {key: value / 50 for key, value in every.items()},
    }


def schedule(rng, index, epochs):
    valid = {"x-valid": "all", "ori-test": "last"}
    other = {"x-valid": "last", "x-test": "last", "ori-test": "all"}
    results = OrderedDict()
    for seed in (888, 777)[: 1 + index % 2]:
        results[("cifar10-valid", seed)] = run(rng, "cifar10-valid", seed, epochs, valid)
    results[("cifar10", 777)] = run(rng, "cifar10", 777, epochs, {"ori-test": "all"})
    for name in ("cifar100", "ImageNet16-120"):
        results[(name, 777)] = run(rng, name, 777, epochs, other)
    return {
        "arch_index": index,
        "arch_str": ARCHS[index],
        "all_results": results,
        "dataset_seed": {"cifar10-valid": [777]},
        "clear_net_done": True,
    }


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(1)
    return {index: (schedule(rng, index, 12), schedule(rng, index, 200)) for index in range(len(ARCHS))}


def torch_archive(folder, records):
    path = folder / "NAS-Bench-201-v1_1-fixture.pth"
    infos = OrderedDict((index, {"full": full, "less": less}) for index, (less, full) in records.items())
    torch.save({"meta_archs": ARCHS, "arch2infos": infos, "evaluated_indexes": set(infos)}, path)
    return path


def nats_file(folder, records):
    path = folder / "NATS-tss-v1_0-fixture.pickle.pbz2"
    infos = {index: {"12": less, "200": full} for index, (less, full) in records.items()}
    content = {"meta_archs": ARCHS, "arch2infos": infos, "evaluated_indexes": list(infos)}
    path.write_bytes(bz2.compress(pickle.dumps(content)))
    return path


def nats_folder(folder, records):
    path = folder / "NATS-tss-v1_0-fixture-simple"
    path.mkdir()
    (path / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps({"meta_archs": ARCHS})))
    for index, (less, full) in records.items():
        member = bz2.compress(pickle.dumps({"12": less, "200": full}))
        (path / f"{index:06d}.pickle.pbz2").write_bytes(member)
    return path


@pytest.fixture(scope="module", params=[torch_archive, nats_file, nats_folder])
def source(request, tmp_path_factory, records):
    return request.param(tmp_path_factory.mktemp(request.param.__name__), records)


def test_every_container_gives_the_measured_values(source, records, tmp_path):
    shares = []
    paths = [table.path for table in import_nasbench201(source, tmp_path, shares.append)]
    names = ["cifar10", "cifar100", "imagenet16-120"]
    assert [path.name for path in paths] == [f"nasbench201-{name}.parquet" for name in names]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    table = read_table(paths[0])
    assert [SPACE.format(arch) for arch in map(as_arch, table.codes)] == ARCHS
    assert (table.name, table.epochs, len(table)) == ("nasbench201/cifar10", 200, len(ARCHS))
    for row, (less, full) in enumerate(records.values()):
        runs = {
            seed: result for (name, seed), result in full["all_results"].items() if name == "cifar10-valid"
        }
        last = [runs[seed]["eval_acc1es"]["x-valid@199"] for seed in sorted(runs)]
        assert table.val_acc[row] == pytest.approx(np.mean(last))
        first = runs[min(runs)]
        np.testing.assert_allclose(
            table.curves["train_loss"][row], list(first["train_losses"].values()), rtol=1e-6
        )
        np.testing.assert_allclose(
            table.curves["val_acc_curve"][row],
            [first["eval_acc1es"][f"x-valid@{epoch}"] for epoch in range(200)],
            rtol=1e-6,
        )
        assert table.train_time_s[row] == pytest.approx(sum(first["train_times"].values()))
        assert table.epoch_time_s[row] == pytest.approx(table.train_time_s[row] / 200)
        assert table.test_acc[row] == full["all_results"][("cifar10", 777)]["eval_acc1es"]["ori-test@199"]
        short = [
            result["eval_acc1es"]["x-valid@11"]
            for (name, _), result in less["all_results"].items()
            if name == "cifar10-valid"
        ]
        assert table.targets["val_acc_12"][row] == pytest.approx(np.mean(short))
    np.testing.assert_allclose(table.latency_s, 0.02)
    # No validation accuracy is measured during the training on this data set.
    other = read_table(paths[1])
    assert sorted(other.curves) == ["train_acc_curve", "train_loss"]
    params, flops = SPACE.count(other.codes, other.dataset)
    assert (other.params == params).all()
    assert (other.flops == flops).all()


def test_runs_that_diverged_are_left_out_and_counted(records, tmp_path):
    changed = copy.deepcopy(records)
    alone, of_two = changed[0][1]["all_results"], changed[1][1]["all_results"]
    alone["cifar10-valid", 888]["eval_acc1es"]["x-valid@199"] = float("nan")
    of_two["cifar10-valid", 777]["train_losses"][7] = float("inf")
    changed[2][1]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@199"] = float("nan")
    imported, *others = import_nasbench201(nats_folder(tmp_path, changed), tmp_path)
    assert (imported.read, imported.left_out) == (6, {"diverged": 3})
    assert [(one.read, one.left_out) for one in others] == [(4, {})] * 2
    table = read_table(imported.path)
    assert [SPACE.format(as_arch(codes)) for codes in table.codes] == [ARCHS[1], ARCHS[3]]
    kept = of_two["cifar10-valid", 888]
    assert table.val_acc[0] == kept["eval_acc1es"]["x-valid@199"]
    np.testing.assert_allclose(table.curves["train_loss"][0], list(kept["train_losses"].values()), rtol=1e-6)


class _Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("kind", ["pth", "pickle.pbz2"])
def test_malicious_files_are_refused_and_do_not_run(kind, tmp_path):
    marker, path = tmp_path / "executed", tmp_path / f"evil.{kind}"
    content = {"arch2infos": {0: _Malicious(marker)}}
    if kind == "pth":
        torch.save(content, path)
    else:
        path.write_bytes(bz2.compress(pickle.dumps(content)))
    with pytest.raises(InputError, match=rf"evil\.{kind}: refused"):
        import_nasbench201(path, tmp_path)
    assert not marker.exists()


def test_other_content_is_named(tmp_path, records):
    with pytest.raises(InputError, match="no such file or folder"):
        import_nasbench201(tmp_path / "absent.pth", tmp_path)
    with pytest.raises(InputError, match=r"has no files 000000\.pickle\.pbz2"):
        import_nasbench201(tmp_path, tmp_path)
    path = tmp_path / "x.pickle.pbz2"
    path.write_bytes(bz2.compress(pickle.dumps({"arch2infos": {0: {"90": {}}}})))
    with pytest.raises(InputError, match=r"architecture 0: has no training of 200 epochs, only \['90'\]"):
        import_nasbench201(path, tmp_path)
    broken = dict(records[0][1])
    broken["all_results"] = {("cifar10-valid", 777): {"eval_acc1es": None}}
    path.write_bytes(bz2.compress(pickle.dumps({"arch2infos": {0: {"200": broken}}})))
    with pytest.raises(InputError, match="not a record of NAS-Bench-201"):
        import_nasbench201(path, tmp_path)
    path.write_bytes(bz2.compress(pickle.dumps({"arch2infos": {0: {}, "a": {}}})))
    with pytest.raises(InputError, match="must be the numbers of architectures"):
        import_nasbench201(path, tmp_path)
    with pytest.raises(InputError, match="must be a folder that exists, because the file gives 3 tables"):
        import_nasbench201(nats_file(tmp_path, records), tmp_path / "one.parquet")

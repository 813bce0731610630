"""Training of supernets, and what is trained again or not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from predictors.weight_sharing import checkpoints
from predictors.weight_sharing.checkpoints import (
    CheckpointWarning,
    MemoryCheckpoints,
    decode,
    encode,
    using_checkpoints,
)
from predictors.weight_sharing.paths import AllPaths, FairPaths, UniformPaths
from predictors.weight_sharing.supernet import make_supernet
from predictors.weight_sharing.trained import Design, forget_trained, load_pool, trained_supernet
from predictors.weight_sharing.training import Schedule, SupernetTraining
from tasks.benchmarks.training.data import TrainingData
from tasks.errors import RunError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE, TINY = NasBench201(), DatasetInfo("tiny", 3, 8, 1)
SCHEDULE = Schedule(epochs=3, steps=2, batch=8)
DESIGN = Design(SPACE, TINY, {"channels": 4, "cells": 1}, SCHEDULE, UniformPaths(SPACE), 7)


class Fixed:
    """One path, for ever."""

    name = "fixed"

    def __init__(self, *paths):
        self.paths = paths

    def step(self, rng):
        del rng
        return list(self.paths)


@pytest.fixture(autouse=True)
def _forgetful():
    forget_trained()
    yield
    forget_trained()


@pytest.fixture(scope="module")
def pool():
    return load_pool("noise", TINY, 100)


def _training(pool, sampler, schedule=SCHEDULE):
    torch.manual_seed(0)
    return SupernetTraining(
        make_supernet(SPACE, TINY, channels=4, cells=1), pool.data, schedule, sampler, seed=1
    )


def _weights(supernet):
    return {name: tensor.clone() for name, tensor in supernet.state_dict().items()}


def _equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_step_changes_what_it_uses_and_nothing_else(pool):
    training = _training(pool, Fixed((3, 0, 0, 0, 3, 0)))
    before = _weights(training.supernet)
    training.run_epoch()
    changed = {
        name
        for name, tensor in training.supernet.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    edges = {name.split("edges.")[1][:3] for name in changed if "edges." in name}
    assert edges == {"0-3", "4-3"}
    assert {name.split(".")[1] for name in changed} == {"stem", "blocks", "last", "classifier"}


@pytest.mark.parametrize("sampler", [AllPaths(), FairPaths(SPACE)], ids=lambda sampler: sampler.name)
def test_all_and_fair_paths_train_every_operation_in_one_step(pool, sampler):
    """But for cells in which a dead edge keeps an operation from having a gradient."""
    training = _training(pool, sampler, replace(SCHEDULE, epochs=1, steps=1))
    training.run_epoch()
    without = [name for name, weight in training.supernet.named_parameters() if weight.grad is None]
    assert len(without) < (1 if sampler.name == "all" else 40)


def test_gradients_of_the_paths_of_a_step_are_summed_and_clipped(pool):
    gradients = []
    for paths in ([(3, 1, 1, 1, 1, 1)], [(2, 1, 1, 1, 1, 1)], [(3, 1, 1, 1, 1, 1), (2, 1, 1, 1, 1, 1)]):
        training = _training(pool, Fixed(*paths), replace(SCHEDULE, epochs=1, steps=1, clip=1e9))
        training.run_epoch()
        gradients.append(training.supernet.network.classifier.bias.grad.clone())
    torch.testing.assert_close(gradients[2], gradients[0] + gradients[1])
    clipped = _training(pool, Fixed(None), replace(SCHEDULE, epochs=1, steps=1, clip=1e-3))
    clipped.run_epoch()
    norms = [weight.grad.norm() for weight in clipped.supernet.parameters() if weight.grad is not None]
    assert float(torch.stack(norms).norm()) == pytest.approx(1e-3, rel=1e-3)


def test_the_learning_rate_falls_along_a_cosine(pool, monkeypatch):
    rates = []
    training = _training(pool, Fixed((1, 1, 1, 1, 1, 1)), replace(SCHEDULE, epochs=2, steps=4))
    step = training._optimiser.step
    monkeypatch.setattr(
        training._optimiser,
        "step",
        lambda: (rates.append(training._optimiser.param_groups[0]["lr"]), step()),
    )
    while not training.finished:
        training.run_epoch()
    expected = 0.001 + 0.012 * (1 + np.cos(np.pi * np.arange(8) / 8))
    np.testing.assert_allclose(rates, expected)


def test_validation_images_have_no_part(pool):
    data = pool.data
    blind = TrainingData(data.info, data.train_images, data.train_labels, data.val_images * np.nan,
                         data.val_labels, data.test_images, data.test_labels)  # fmt: skip
    one, two = _training(pool, AllPaths()), _training(replace(pool, data=blind), AllPaths())
    assert one.run_epoch() == two.run_epoch()
    assert _equal(_weights(one.supernet), _weights(two.supernet))


def test_a_training_that_is_taken_up_ends_with_the_same_weights(pool):
    whole = _training(pool, UniformPaths(SPACE))
    while not whole.finished:
        whole.run_epoch()
    first = _training(pool, UniformPaths(SPACE))
    first.run_epoch()
    stored = encode(first.state())
    second = _training(pool, UniformPaths(SPACE))
    second.supernet.network.classifier.bias.data.fill_(9.0)
    second.restore(decode(stored, "x", "cpu"))
    assert (second.epoch, second.seconds) == (1, first.seconds)
    while not second.finished:
        second.run_epoch()
    assert _equal(_weights(whole.supernet), _weights(second.supernet))


def test_a_diverging_training_says_so(pool):
    training = _training(pool, AllPaths())
    with torch.no_grad():
        training.supernet.network.classifier.weight.fill_(float("nan"))
    with pytest.raises(RunError, match="diverged in epoch 1"):
        training.run_epoch()


def test_trained_once_per_design(pool):
    first = trained_supernet(DESIGN, pool)
    assert trained_supernet(replace(DESIGN), pool) is first
    other = trained_supernet(replace(DESIGN, seed=8), pool)
    assert not _equal(_weights(first.supernet), _weights(other.supernet))
    forget_trained()
    again = trained_supernet(DESIGN, pool)
    assert again is not first
    assert _equal(_weights(first.supernet), _weights(again.supernet))


def test_everything_that_matters_is_in_the_name(pool):
    changes = (
        {"seed": 8},
        {"size": {"channels": 4, "cells": 2}},
        {"sampler": FairPaths(SPACE)},
        {"dataset": replace(TINY, name="other")},
        *({"schedule": replace(SCHEDULE, **{name: value})} for name, value in (
            ("epochs", 4), ("steps", 3), ("batch", 9), ("learning_rate", 0.1), ("last_rate", 0.0),
            ("momentum", 0.8), ("weight_decay", 0.0), ("clip", 1.0), ("shift", 1), ("flip", True),
        )),
    )  # fmt: skip
    names = {replace(DESIGN, **change).name(pool) for change in ({}, *changes)}
    names.add(DESIGN.name(load_pool("noise", replace(TINY, num_classes=4), 100)))
    assert len(names) == len(changes) + 2
    assert DESIGN.name(load_pool("noise", TINY, 50)) == DESIGN.name(pool)


def test_a_finished_supernet_is_loaded_and_not_trained(pool):
    memory = MemoryCheckpoints()
    with using_checkpoints(memory):
        first = trained_supernet(DESIGN, pool)
        assert memory.written == SCHEDULE.epochs
        forget_trained()
        again = trained_supernet(DESIGN, pool)
    assert memory.written == SCHEDULE.epochs
    assert again.seconds == first.seconds
    assert _equal(_weights(first.supernet), _weights(again.supernet))
    assert list(memory.data) == [f"nasbench201-tiny/{first.name}"]
    assert checkpoints.current_checkpoints() is None


def test_a_damaged_checkpoint_is_not_used(pool):
    memory = MemoryCheckpoints()
    with using_checkpoints(memory):
        first = trained_supernet(DESIGN, pool)
        (name,) = memory.data
        memory.data[name] = memory.data[name][:-1] + b"x"
        forget_trained()
        with pytest.warns(CheckpointWarning, match=f"checkpoint {name} is damaged"):
            again = trained_supernet(DESIGN, pool)
    assert memory.written == 2 * SCHEDULE.epochs
    assert _equal(_weights(first.supernet), _weights(again.supernet))

"""The supernet of DARTS computes what the networks of the space compute."""

import re

import numpy as np
import pytest
import torch
from supernet_support import unusual_supernet

from predictors.observations import Observations
from predictors.weight_sharing.predictors import RandomSharing
from predictors.weight_sharing.scoring import Measure, accuracies
from predictors.zero_cost.images import load_split
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.darts import Darts

SPACE, TINY = Darts(), DatasetInfo("tiny", 3, 8, 1)
SIZE = {"channels": 2, "cells": 3}


@pytest.fixture(scope="module")
def supernet():
    return unusual_supernet(SPACE, TINY, **SIZE)


def _network(supernet, arch):
    """Return the network of the space with the weights of the supernet."""
    network = SPACE.build(arch, TINY, **SIZE)
    inherited = supernet.network.state_dict()

    def place(match):
        cell, pair = int(match[1]), int(match[2])
        # Of three cells the last two are reduction cells.
        source, code = arch[16 * (cell > 0) + 2 * pair :][:2]
        return f"cells.{cell}.edges.{pair // 2 + 2}-{source}-{code}."

    names = network.state_dict()
    there = {name: re.sub(r"cells\.(\d)\.operations\.(\d)\.", place, name) for name in names}
    network.load_state_dict({name: inherited[there[name]] for name in names})
    return network.eval()


def test_a_sub_network_is_the_network_with_its_weights(supernet):
    images = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        for row in SPACE.sample(np.random.default_rng(0), 2):
            arch = as_arch(row)
            torch.testing.assert_close(supernet(images, arch), _network(supernet, arch)(images))


def test_scores_do_not_depend_on_order_or_company(supernet, monkeypatch):
    data = load_split("noise", TINY, 100)
    codes = SPACE.sample(np.random.default_rng(1), 3)
    codes[1, 28:] = codes[0, 28:]
    whole = accuracies(supernet, codes, data, Measure(batches=1), 0)
    monkeypatch.setattr("predictors.weight_sharing.supernet._KEPT", 3)
    assert np.array_equal(accuracies(supernet, codes[::-1], data, Measure(batches=1), 0), whole[::-1])
    assert accuracies(supernet, codes[2:3], data, Measure(batches=1), 0) == whole[2:3]


def test_all_paths_take_every_operation(supernet):
    calls = set()
    names = {layer: name for name, layer in supernet.network.cells[0].edges.items()}
    handles = [layer.register_forward_hook(lambda layer, *_: calls.add(names[layer])) for layer in names]
    with torch.no_grad():
        assert supernet(torch.randn(1, 1, 8, 8), None).shape == (1, 3)
    for handle in handles:
        handle.remove()
    assert len(calls) == 14 * 7


def test_fair_paths_train_it():
    predictor = RandomSharing(sampler="fair", images="noise", epochs=1, steps=1, batch=4, val_images=60,
                              bn_batches=1, **SIZE)  # fmt: skip
    scores = predictor.predict(Observations(SPACE, TINY, SPACE.sample(np.random.default_rng(2), 2)))
    assert scores.shape == (2,)
    assert np.all((scores >= 0) & (scores <= 100))
    assert predictor.setup_seconds_ > 0

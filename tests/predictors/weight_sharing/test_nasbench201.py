"""The supernet of NAS-Bench-201 computes what the networks of the space compute."""

import re

import numpy as np
import pytest
import torch
from supernet_support import unusual_supernet
from torch import nn

from predictors.weight_sharing import scoring
from predictors.weight_sharing.scoring import Measure, accuracies
from predictors.weight_sharing.supernet import make_supernet
from predictors.zero_cost.images import load_split
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.streams import BatchStream
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import EDGES, NasBench201

SPACE, TINY = NasBench201(), DatasetInfo("tiny", 3, 8, 1)
SIZE = {"channels": 4, "cells": 1}
CODES = np.array(
    [(3, 1, 3, 2, 4, 3), (3, 1, 3, 2, 4, 1), (1, 4, 2, 0, 3, 1), (2, 2, 2, 3, 3, 3), (0, 0, 0, 0, 0, 0)],
    dtype=np.int16,
)


@pytest.fixture(scope="module")
def supernet():
    return unusual_supernet(SPACE, TINY, **SIZE)


@pytest.fixture(scope="module")
def data():
    return load_split("noise", TINY, 300)


def _place(arch, edge):
    column = EDGES.index((int(edge[1]), int(edge[2])))
    return f"edges.{column}-{arch[column]}"


def _network(supernet, arch):
    """Return the network of the space with the weights of the supernet."""
    network = SPACE.build(arch, TINY, **SIZE)
    inherited = supernet.network.state_dict()
    weights = {}
    for name in network.state_dict():
        there = re.sub(r"edges\.(\d)-(\d)", lambda edge: _place(arch, edge), name)
        weights[name] = inherited[there]
    network.load_state_dict(weights)
    return network.eval()


@pytest.mark.parametrize("row", range(len(CODES)))
def test_a_sub_network_is_the_network_with_its_weights(supernet, data, row):
    arch, images = as_arch(CODES[row]), torch.from_numpy(data.val_images[:16])
    with torch.no_grad():
        torch.testing.assert_close(supernet(images, arch), _network(supernet, arch)(images))


def test_all_paths_are_the_sum_of_all_operations(supernet, data):
    """Of a single edge, in the one place where the sum can be taken apart."""
    cell = supernet.network.blocks[0]
    features = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        alone = [cell(features, (0, 0, 0, code, 0, 0), None) for code in range(1, 5)]
        into_node_1 = cell.edges
        node_1 = sum(into_node_1[f"0-{code}"](features) for code in range(1, 5))
        node_2 = sum(
            into_node_1[f"1-{code}"](features) + into_node_1[f"2-{code}"](node_1) for code in range(1, 5)
        )
        rest = sum(
            into_node_1[f"4-{code}"](node_1) + into_node_1[f"5-{code}"](node_2) for code in range(1, 5)
        )
        torch.testing.assert_close(cell(features, None, None), sum(alone) + rest)


def test_pruning_changes_no_output(supernet, data):
    images = torch.from_numpy(data.val_images[:4])
    codes = SPACE.sample(np.random.default_rng(0), 40)
    pruned = supernet.pruned(codes)
    changed = np.flatnonzero((pruned != codes).any(axis=1))
    assert len(changed) > 10
    with torch.no_grad():
        for row in changed:
            whole, live = (supernet(images, as_arch(which[row])) for which in (codes, pruned))
            torch.testing.assert_close(whole, live)


def test_number_of_different_sub_networks(supernet):
    pruned = supernet.pruned(SPACE.all_codes())
    assert len(np.unique(pruned, axis=0)) == 10_405
    assert np.array_equal(supernet.pruned(pruned), pruned)


@pytest.mark.parametrize("reestimate", [True, False])
def test_accuracy_is_that_of_the_network_alone(supernet, data, reestimate):
    """With statistics of its own: those of its layers, reset, after the same mini-batches."""
    found = accuracies(supernet, CODES, data, Measure(reestimate, 3), seed=5)
    batches = BatchStream(Recipe(space="any", steps_per_epoch=3, batch_size=250), data, 5).epoch()[0]
    expected = []
    for code in CODES:
        network = _network(supernet, as_arch(code))
        if reestimate:
            for layer in network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.reset_running_stats()
                    layer.momentum = None
            network.train()
            with torch.no_grad():
                for images in batches:
                    network(torch.from_numpy(images))
        with torch.no_grad():
            logits = network.eval()(torch.from_numpy(data.val_images))
        expected.append(100.0 * np.mean(logits.argmax(dim=1).numpy() == data.val_labels))
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(found, expected, atol=0.4)  # an image whose two best logits are equal


def test_scores_do_not_depend_on_order_or_company(supernet, data, monkeypatch):
    codes = SPACE.sample(np.random.default_rng(1), 8)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    measure = Measure(batches=2)
    whole = accuracies(supernet, codes, data, measure, 0)
    order = np.random.default_rng(2).permutation(len(codes))
    assert np.array_equal(accuracies(supernet, codes[order], data, measure, 0), whole[order])
    assert accuracies(supernet, codes[7:8], data, measure, 0) == whole[7:8]
    # Few sub-networks at a time, and feature maps that are gone when the next one needs them.
    monkeypatch.setattr(scoring, "_TOGETHER", 3)
    monkeypatch.setattr("predictors.weight_sharing.supernet._KEPT", 2)
    assert np.array_equal(accuracies(supernet, codes, data, measure, 0), whole)
    for name, tensor in supernet.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_neighbours_share_the_beginning_of_the_first_cell(supernet, data):
    calls = []
    handles = [
        layer.register_forward_hook(lambda layer, *_: calls.append(layer))
        for layer in supernet.modules()
        if isinstance(layer, nn.Conv2d)
    ]

    def count(codes):
        calls.clear()
        accuracies(supernet, codes, data, Measure(reestimate=False), 0)
        return len(calls) // 2  # 300 images are two mini-batches

    one, two = count(CODES[:1]), count(CODES[:2])
    for handle in handles:
        handle.remove()
    # Stem; edges, all but two of which are convolutions, in 3 cells; 3 in each of two reductions.
    assert one == 1 + 4 * 3 + 3 * 2
    # The second one has a skip for the last convolution, and the rest of its first cell is there.
    assert two == one + 3 * 2 + 3 * 2


def test_other_spaces_have_no_supernet():
    with pytest.raises(InputError, match="space 'dag' has no supernet"):
        make_supernet(DagSpace("dag", ("in", "conv", "out"), 3), TINY)
    with pytest.raises(InputError, match="unknown size 'width'"):
        make_supernet(SPACE, TINY, width=3)

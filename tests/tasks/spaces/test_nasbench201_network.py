"""NAS-Bench-201 networks: closed-form counts against the real thing."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench201 import CONV1, CONV3, POOL, NasBench201
from tasks.spaces.nasbench201_cost import network_cost

SPACE = NasBench201()
CIFAR10 = DatasetInfo("cifar10", 10, 32)
CIFAR100 = DatasetInfo("cifar100", 100, 32)
IMAGENET = DatasetInfo("imagenet16-120", 120, 16)
DIGITS = DatasetInfo("digits", 10, 8, channels=1)


def _measure(network, dataset):
    """Parameters and multiply-adds of a network by looking at every layer while it runs."""
    total = 0

    def hook(layer, inputs, output):
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            window = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
            total += output.numel() * window
        elif isinstance(layer, nn.Linear):
            total += layer.in_features * layer.out_features
        elif isinstance(layer, nn.BatchNorm2d):
            total += 2 * output.numel()
        elif isinstance(layer, nn.ReLU):
            total += output.numel()
        elif isinstance(layer, nn.AvgPool2d):
            total += output.numel() * layer.kernel_size**2
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            total += output.numel() * (inputs[0].shape[-1] + 1) ** 2

    handles = [layer.register_forward_hook(hook) for layer in network.modules()]
    with torch.no_grad():
        network.eval()(torch.zeros(1, dataset.channels, dataset.resolution, dataset.resolution))
    for handle in handles:
        handle.remove()
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad), total


@pytest.mark.parametrize("dataset", [CIFAR10, CIFAR100, IMAGENET, DIGITS], ids=lambda d: d.name)
def test_counts_are_those_of_the_built_network(dataset):
    codes = SPACE.sample(np.random.default_rng(dataset.num_classes), 4)
    params, flops = SPACE.count(codes, dataset)
    built = [_measure(SPACE.build(as_arch(row), dataset), dataset) for row in codes]
    assert list(zip(params.tolist(), flops.tolist(), strict=True)) == built


def test_counts_of_smaller_networks():
    arch = (CONV1, CONV3, POOL, CONV3, CONV1, POOL)
    two = np.array([2])
    params, flops = network_cost(two, two, two, DIGITS, channels=4, cells=2)
    network = SPACE.build(arch, DIGITS, channels=4, cells=2)
    assert (int(params[0]), int(flops[0])) == _measure(network, DIGITS)


@pytest.mark.parametrize(
    ("dataset", "base", "conv1", "conv3", "pool"),
    [
        (CIFAR10, 7_943_232 + 64 * 10, 4_362_240, 35_819_520, 1_290_240),
        (CIFAR100, 7_943_232 + 64 * 100, 4_362_240, 35_819_520, 1_290_240),
        (IMAGENET, 1_986_112 + 64 * 120, 1_090_560, 8_954_880, 322_560),
    ],
)
def test_published_closed_form(dataset, base, conv1, conv3, pool):
    codes = SPACE.all_codes()
    n1, n3, np_ = ((codes == code).sum(axis=1) for code in (CONV1, CONV3, POOL))
    params, flops = SPACE.count(codes, dataset)
    assert params.dtype == flops.dtype == np.int64
    np.testing.assert_array_equal(params, 72_656 + 65 * dataset.num_classes + 28_000 * n1 + 243_040 * n3)
    np.testing.assert_array_equal(flops, base + conv1 * n1 + conv3 * n3 + pool * np_)


@pytest.mark.parametrize("dataset", [CIFAR10, IMAGENET, DIGITS], ids=lambda d: d.name)
def test_forward_shapes(dataset):
    images = torch.randn(3, dataset.channels, dataset.resolution, dataset.resolution)
    for row in SPACE.sample(np.random.default_rng(1), 3):
        logits = SPACE.build(as_arch(row), dataset, channels=4, cells=1)(images)
        assert logits.shape == (3, dataset.num_classes)
        assert torch.isfinite(logits).all()


def test_cell_computes_what_its_canonical_form_says():
    # 0 -skip-> 1 -conv-> 2 -skip-> 3 equals 0 -conv-> 3, weights being equal.
    torch.manual_seed(0)
    chained = SPACE.build((1, 0, 3, 0, 0, 1), DIGITS, channels=4, cells=2)
    direct = SPACE.build((0, 0, 0, 3, 0, 0), DIGITS, channels=4, cells=2)
    direct.load_state_dict({k.replace("1-2", "0-3"): v for k, v in chained.state_dict().items()})
    images = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(chained.eval()(images), direct.eval()(images))


def test_dead_cell_ignores_its_input():
    network = SPACE.build((0,) * 6, DIGITS).eval()
    logits = network(torch.randn(4, 1, 8, 8))
    torch.testing.assert_close(logits, logits[:1].expand(4, -1))
    logits.sum().backward()


def test_initialisation_follows_torch_generator():
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(SPACE.build((3, 1, 2, 4, 0, 3), DIGITS, channels=4, cells=1).stem[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("size", "complaint"),
    [({"channel": 8}, "unknown size 'channel'; did you mean 'channels'"), ({"cells": 0}, "cells is 0"),
     ({"channels": True}, "channels is True")],
)  # fmt: skip
def test_wrong_sizes_are_named(size, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.build((0,) * 6, CIFAR10, **size)


@pytest.mark.parametrize(
    ("dataset", "complaint"),
    [
        (DatasetInfo("mine", None, 32), "'mine': num_classes is None"),
        (DatasetInfo("mine", 10, None), "'mine': resolution is None"),
        (DatasetInfo("mine", 10, 30), "resolution is 30"),
        (DatasetInfo("mine", 10, 0), "resolution is 0"),
    ],
)
def test_counting_needs_the_facts_of_the_data_set(dataset, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.count(SPACE.all_codes()[:1], dataset)


def test_building_needs_the_number_of_classes():
    with pytest.raises(InputError, match="num_classes is None"):
        SPACE.build((0,) * 6, DatasetInfo("mine", None, 32))


def test_importing_spaces_does_not_import_torch():
    code = (
        "import sys, tasks.spaces.registry, tasks.benchmarks.catalog, tasks.spaces.dag;"
        "assert 'torch' not in sys.modules and 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

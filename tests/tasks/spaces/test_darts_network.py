"""DARTS networks: closed-form counts against the real thing."""

import numpy as np
import pytest
import torch
from torch import nn

from tasks.benchmarks.training.stacked import stack_networks
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.darts import Darts
from tasks.spaces.darts_cost import cell_sizes, network_cost
from tasks.spaces.layers import JoinChannels

SPACE = Darts()
CIFAR10 = DatasetInfo("cifar10", 10, 32)
DIGITS = DatasetInfo("digits", 10, 8, channels=1)
DARTS_V2 = SPACE.parse(
    "(((0, 3), (1, 3), (0, 3), (1, 3), (1, 3), (0, 2), (0, 2), (2, 5)), "
    "((0, 0), (1, 0), (2, 2), (1, 0), (0, 0), (2, 2), (2, 2), (1, 0)))"
)


def _measure(network, dataset):
    """Parameters and multiply-adds of a network by looking at every layer while it runs."""
    total = 0

    def hook(layer, inputs, output):
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += layer.in_features * layer.out_features
        elif isinstance(layer, nn.BatchNorm2d):
            total += 2 * output.numel()
        elif isinstance(layer, nn.ReLU):
            total += output.numel()
        elif isinstance(layer, nn.AvgPool2d | nn.MaxPool2d):
            total += output.numel() * layer.kernel_size**2
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            total += output.numel() * (inputs[0].shape[-1] + 1) ** 2

    handles = [layer.register_forward_hook(hook) for layer in network.modules()]
    with torch.no_grad():
        network.eval()(torch.zeros(1, dataset.channels, dataset.resolution, dataset.resolution))
    for handle in handles:
        handle.remove()
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad), total


def test_counts_are_those_of_the_built_network():
    codes = SPACE.sample(np.random.default_rng(0), 2)
    params, flops = SPACE.count(codes, CIFAR10)
    assert params.dtype == flops.dtype == np.int64
    built = [_measure(SPACE.build(as_arch(row), CIFAR10), CIFAR10) for row in codes]
    assert list(zip(params.tolist(), flops.tolist(), strict=True)) == built


@pytest.mark.parametrize(("channels", "cells"), [(1, 3), (2, 4), (3, 5), (4, 7)])
def test_counts_of_smaller_networks(channels, cells):
    codes = SPACE.sample(np.random.default_rng(channels), 3)
    params, flops = network_cost(codes, DIGITS, channels=channels, cells=cells)
    built = [
        _measure(SPACE.build(as_arch(row), DIGITS, channels=channels, cells=cells), DIGITS) for row in codes
    ]
    assert list(zip(params.tolist(), flops.tolist(), strict=True)) == built


def test_published_size_of_the_network_of_darts():
    # 3.3 million in Liu et al., ICLR 2019, table 1; the released code prints 3.349342 MB of parameters.
    params, flops = network_cost(np.array([DARTS_V2]), CIFAR10, channels=36, cells=20)
    assert params.tolist() == [3_349_342]
    built = _measure(SPACE.build(DARTS_V2, CIFAR10, channels=36, cells=20), CIFAR10)
    assert built == (3_349_342, int(flops[0]))


def test_reduction_cells_are_at_one_and_two_thirds():
    sizes = cell_sizes(36, 20)
    assert [place for place, size in enumerate(sizes) if size.reduction] == [6, 13]
    assert [place for place, size in enumerate(sizes) if size.after_reduction] == [7, 14]
    assert [sizes[i].channels for i in (0, 5, 6, 12, 13, 19)] == [36, 36, 72, 72, 144, 144]
    assert (sizes[0].before_last, sizes[0].last, sizes[1].before_last, sizes[1].last) == (108, 108, 108, 144)


@pytest.mark.parametrize(("height", "width"), [(8, 16), (4, 4), (32, 32)])
def test_forward_shapes(height, width):
    images = torch.randn(3, 1, height, width)
    for row in SPACE.sample(np.random.default_rng(1), 3):
        logits = SPACE.build(as_arch(row), DIGITS, channels=3, cells=4)(images)
        assert logits.shape == (3, 10)
        assert torch.isfinite(logits).all()


def test_every_weight_is_trained():
    for row in SPACE.sample(np.random.default_rng(2), 2):
        network = SPACE.build(as_arch(row), DIGITS, channels=4, cells=3)
        network(torch.randn(4, 1, 8, 16)).square().sum().backward()
        assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_a_cell_computes_what_its_codes_say():
    torch.manual_seed(0)
    cell = SPACE.build(DARTS_V2, DIGITS, channels=4, cells=3).eval().cells[0]
    before, last = torch.randn(2, 2, 12, 8, 8)
    zero, one = cell.prepare[0](before), cell.prepare[1](last)
    run = list(cell.operations)
    two = run[0](zero) + run[1](one)
    three = run[2](zero) + run[3](one)
    four = zero + run[5](one)
    five = zero + run[7](two)
    torch.testing.assert_close(cell(before, last), torch.cat([two, three, four, five], dim=1))


def test_halving_takes_even_pixels_and_odd_ones():
    torch.manual_seed(0)
    reduction = SPACE.build((*DARTS_V2[:16], 0, 2, *DARTS_V2[18:]), DIGITS, channels=2, cells=3).eval()
    halving = reduction.cells[1].operations[0]
    assert [type(layer) for layer in (halving.join, halving.norm)] == [JoinChannels, nn.BatchNorm2d]
    features = torch.randn(1, 4, 4, 6)
    positive = features.clamp_min(0.0)
    even, odd = (conv.weight[:, :, 0, 0] for conv in (halving.even, halving.odd))
    expected = torch.cat(
        [
            torch.einsum("oi,bihw->bohw", even, positive[:, :, ::2, ::2]),
            torch.einsum("oi,bihw->bohw", odd, positive[:, :, 1::2, 1::2]),
        ],
        dim=1,
    )
    torch.testing.assert_close(halving(features), halving.norm(expected))


def test_separable_and_dilated_convolutions():
    network = SPACE.build(DARTS_V2, DIGITS, channels=2, cells=3)
    separable, dilated = network.cells[0].operations[0], network.cells[0].operations[7]
    kinds = [nn.ReLU, nn.Conv2d, nn.Conv2d, nn.BatchNorm2d]
    assert [type(layer) for layer in separable] == kinds * 2
    assert [type(layer) for layer in dilated] == kinds
    assert (separable[1].groups, separable[1].kernel_size, separable[1].dilation) == (2, (3, 3), (1, 1))
    assert (dilated[1].groups, dilated[1].kernel_size, dilated[1].dilation) == (2, (3, 3), (2, 2))


def test_stacked_copies_compute_what_they_compute_alone():
    # A skip connection at an input of the reduction cell, so that channels are joined there, too.
    arch = (*DARTS_V2[:16], 0, 2, *DARTS_V2[18:])
    copies = [SPACE.build(arch, DIGITS, channels=3, cells=4) for _ in range(3)]
    images = torch.randn(2, 3, 1, 8, 16)
    with torch.no_grad():
        alone = torch.stack([copy(images[:, place]) for place, copy in enumerate(copies)], dim=1)
        stacked = stack_networks([copy.train() for copy in copies])(images.flatten(1, 2))
    torch.testing.assert_close(stacked.reshape(2, 3, 10), alone)


def test_initialisation_follows_torch_generator():
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(SPACE.build(DARTS_V2, DIGITS, channels=4, cells=3).stem[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("size", "complaint"),
    [
        ({"channel": 8}, "unknown size 'channel'; did you mean 'channels'"),
        ({"cells": 2}, "cells is 2, must be an integer of at least 3"),
        ({"channels": 0}, "channels is 0"),
        ({"channels": True}, "channels is True"),
    ],
)
def test_wrong_sizes_are_named(size, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.build(DARTS_V2, CIFAR10, **size)


def test_facts_of_the_data_set_are_needed():
    with pytest.raises(InputError, match="num_classes is None"):
        SPACE.build(DARTS_V2, DatasetInfo("mine", None, 32))
    with pytest.raises(InputError, match="resolution is 30"):
        SPACE.count(np.array([DARTS_V2]), DatasetInfo("mine", 10, 30))

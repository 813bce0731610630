"""NAS-Bench-101 networks: counts against the real thing."""

import numpy as np
import pytest
import torch
from torch import nn

from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench101_cost import network_cost, vertex_channels

SPACE = NasBench101()
CIFAR10 = DatasetInfo("cifar10", 10, 32)
IMAGENET = DatasetInfo("imagenet16-120", 120, 16)
DIGITS = DatasetInfo("digits", 10, 8, channels=1)

DIRECT = '{"matrix":[[0,1],[0,0]],"ops":["input","output"]}'
CHAIN = '{"matrix":[[0,1,0],[0,0,1],[0,0,0]],"ops":["input","conv3x3-bn-relu","output"]}'
# Three parts of 43, 43 and 42 channels, fed by a vertex that is truncated for the last of them.
UNEVEN = (
    '{"matrix":[[0,1,0,0,0,1],[0,0,1,1,1,0],[0,0,0,0,0,1],[0,0,0,0,0,1],[0,0,0,0,0,1],[0,0,0,0,0,0]],'
    '"ops":["input","conv1x1-bn-relu","maxpool3x3","conv3x3-bn-relu","conv1x1-bn-relu","output"]}'
)


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
        elif isinstance(layer, nn.MaxPool2d):
            total += output.numel() * layer.kernel_size**2
        elif isinstance(layer, nn.AdaptiveAvgPool2d):
            total += output.numel() * (inputs[0].shape[-1] + 1) ** 2

    handles = [layer.register_forward_hook(hook) for layer in network.modules()]
    images = torch.zeros(1, dataset.channels, dataset.resolution, dataset.resolution, device="meta")
    with torch.no_grad():
        assert network.eval()(images).shape == (1, dataset.num_classes)
    for handle in handles:
        handle.remove()
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad), total


def _meta(arch, dataset, **size):
    """The network without storage: shapes only, so that full size costs nothing."""
    with torch.device("meta"):
        return SPACE.build(arch, dataset, **size)


@pytest.mark.parametrize("dataset", [CIFAR10, IMAGENET, DIGITS], ids=lambda d: d.name)
def test_counts_are_those_of_the_built_network(dataset):
    codes = np.concatenate(
        [
            SPACE.parse_many([DIRECT, CHAIN, UNEVEN]),
            SPACE.sample(np.random.default_rng(dataset.num_classes), 12),
        ]
    )
    params, flops = SPACE.count(codes, dataset)
    assert params.dtype == flops.dtype == np.int64
    built = [_measure(_meta(as_arch(row), dataset), dataset) for row in codes]
    assert list(zip(params.tolist(), flops.tolist(), strict=True)) == built


def test_counts_of_smaller_networks():
    cell = SPACE.graph(SPACE.parse(UNEVEN))
    kernels = np.array([[1, 0, 3, 1]])
    params, flops = network_cost(cell.adjacency[None], kernels, DIGITS, channels=6, cells=2)
    network = _meta(SPACE.parse(UNEVEN), DIGITS, channels=6, cells=2)
    assert (int(params[0]), int(flops[0])) == _measure(network, DIGITS)


def test_parameters_of_a_chain_by_hand():
    # Stem; per cell a projection and a 3x3 convolution, both normalised; the classifier.
    stem, dense = 27 * 128 + 256, 5_130
    cells = sum(
        narrow * wide + 2 * wide + 9 * wide**2 + 2 * wide
        for wide, inputs in ((128, (128, 128, 128)), (256, (128, 256, 256)), (512, (256, 512, 512)))
        for narrow in inputs
    )
    params, _ = SPACE.count(SPACE.parse_many([CHAIN]), CIFAR10)
    assert params.tolist() == [stem + cells + dense]


def _published_channels(matrix, channels):
    """Channels of the inner vertices of a pruned cell, as section 2 of the paper says, one by one."""
    last = len(matrix) - 1
    parts = [v for v in range(1, last) if matrix[v, last]]
    widths = {}
    for v in range(last - 1, 0, -1):
        if v in parts:
            # As even as possible, the first ones take the remainder.
            widths[v] = channels // len(parts) + (parts.index(v) < channels % len(parts))
        else:
            widths[v] = max(widths[w] for w in range(v + 1, last) if matrix[v, w])
    return [widths[v] for v in range(1, last)]


def test_channels_of_vertices():
    codes = SPACE.prune(SPACE.sample(np.random.default_rng(0), 200))
    for row in codes:
        cell = SPACE.graph(as_arch(row))
        for channels in (128, 256, 10):
            widths = vertex_channels(cell.adjacency[None], channels)[0].tolist()
            assert widths == _published_channels(cell.adjacency, channels)
    cell = SPACE.graph(SPACE.parse(UNEVEN))
    assert vertex_channels(cell.adjacency[None], 128).tolist() == [[43, 43, 43, 42]]


def test_isomorphic_cells_have_one_network():
    # The parts of UNEVEN in another order: without a fixed order the extra channels would move.
    renamed = UNEVEN.replace('"maxpool3x3","conv3x3-bn-relu"', '"conv3x3-bn-relu","maxpool3x3"')
    archs = [SPACE.parse(UNEVEN), SPACE.parse(renamed)]
    assert archs[0] != archs[1]
    counts = [values.tolist() for values in SPACE.count(np.array(archs), CIFAR10)]
    assert all(first == second for first, second in counts)
    torch.manual_seed(0)
    network = SPACE.build(archs[0], DIGITS, channels=8, cells=1)
    twin = SPACE.build(archs[1], DIGITS, channels=8, cells=1)
    twin.load_state_dict(network.state_dict())
    images = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(network.eval()(images), twin.eval()(images))


def test_dangling_vertices_are_not_built():
    dangling = CHAIN.replace("[[0,1,0],[0,0,1],[0,0,0]]", "[[0,1,1,0],[0,0,0,1],[0,0,0,0],[0,0,0,0]]")
    dangling = dangling.replace('"output"', '"conv3x3-bn-relu","output"')
    names = [name for name, _ in SPACE.build(SPACE.parse(CHAIN), DIGITS, channels=4).named_modules()]
    assert [n for n, _ in SPACE.build(SPACE.parse(dangling), DIGITS, channels=4).named_modules()] == names


def test_cell_computes_what_the_paper_says():
    torch.manual_seed(0)
    network = SPACE.build(SPACE.parse(UNEVEN), DIGITS, channels=8, cells=1).eval()
    cell = network.blocks[0]
    features = torch.randn(2, 8, 5, 5)
    assert cell.widths == [3, 3, 3, 2]
    first = cell.operations[0](cell.project["1"](features))
    # Vertex 1 feeds three parts, in the order of the representative form.
    parts = [
        operation(first[:, :width]) for operation, width in zip(cell.operations[1:], (3, 3, 2), strict=True)
    ]
    expected = torch.cat(parts, dim=1) + cell.project["5"](features)
    torch.testing.assert_close(cell(features), expected)
    images = torch.randn(3, 1, 8, 8)
    logits = network(images)
    assert logits.shape == (3, 10)
    pooled = network.blocks(network.stem(images)).mean(dim=(2, 3))
    torch.testing.assert_close(logits, pooled @ network.classifier.weight.T + network.classifier.bias)


def test_initialisation_is_the_published_one():
    torch.manual_seed(1)
    network = SPACE.build(SPACE.parse(CHAIN), DIGITS, channels=64, cells=1)
    again = [network]
    for seed in (1, 2):
        torch.manual_seed(seed)
        again.append(SPACE.build(SPACE.parse(CHAIN), DIGITS, channels=64, cells=1))
    weights = [net.blocks[0].operations[0][0].weight for net in again]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    # Variance 1 / fan-in; 36,864 weights estimate it with a standard error below 1 %.
    assert weights[0].var().item() * 64 * 9 == pytest.approx(1.0, rel=0.03)
    assert not network.classifier.bias.any()
    norm = network.stem[1]
    assert (norm.eps, norm.momentum) == (1e-5, pytest.approx(1 - 0.997))


def test_every_weight_has_a_gradient():
    torch.manual_seed(0)
    network = SPACE.build(SPACE.parse(UNEVEN), DIGITS, channels=8, cells=1)
    network(torch.randn(8, 1, 8, 8)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.any(), name


@pytest.mark.parametrize(
    ("size", "complaint"),
    [({"channel": 8}, "unknown size 'channel'; did you mean 'channels'"), ({"cells": 0}, "cells is 0"),
     ({"channels": True}, "channels is True"), ({"channels": 2}, "channels is 2, must be at least 3")],
)  # fmt: skip
def test_wrong_sizes_are_named(size, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.build(SPACE.parse(UNEVEN), CIFAR10, **size)


@pytest.mark.parametrize(
    ("dataset", "complaint"),
    [
        (DatasetInfo("mine", None, 32), "'mine': num_classes is None"),
        (DatasetInfo("mine", 10, None), "'mine': resolution is None"),
        (DatasetInfo("mine", 10, 30), "resolution is 30"),
    ],
)
def test_counting_needs_the_facts_of_the_data_set(dataset, complaint):
    with pytest.raises(InputError, match=complaint):
        SPACE.count(SPACE.parse_many([CHAIN]), dataset)


def test_counting_refuses_invalid_cells():
    with pytest.raises(InputError, match=r"^row 1: .*no path"):
        SPACE.count(np.array([SPACE.parse(CHAIN), (0,) * 21 + (0, *[1] * 5, 4)]), CIFAR10)

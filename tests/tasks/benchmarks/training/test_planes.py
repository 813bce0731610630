"""Layers in the memory order channel, image, pixel against the library's."""

import copy

import pytest
import torch
from torch import nn

from tasks.benchmarks.training import planes
from tasks.benchmarks.training.planes import keep_planes
from tasks.benchmarks.training.stacked import stack_networks
from tasks.spaces.layers import JoinChannels

DEPTHWISE = {
    f"{side}-{kernel}-{stride}-{dilation}": (side, kernel, stride, dilation)
    for side, kernel, stride, dilation in [
        (8, 3, 1, 1), (8, 5, 2, 1), (4, 5, 1, 2), (2, 3, 2, 2), (1, 5, 1, 1), (5, 3, 2, 1)
    ]
}  # fmt: skip


def _same(plain, images, *, library=None, monkeypatch=None):
    """Compare values, gradients and buffers; with ``library`` out of reach for the new form."""
    other = copy.deepcopy(plain)
    keep_planes(other)
    assert type(other) is not type(plain)
    results = []
    for layer in (plain, other):
        inputs = images.clone().requires_grad_()
        out = layer(inputs)
        (out * torch.linspace(0.5, 1.5, out.numel()).view(out.shape)).square().sum().backward()
        results.append([out, inputs.grad, *(p.grad for p in layer.parameters()), *layer.buffers()])
        if library is not None:
            monkeypatch.setattr(*library, None)
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def _images(channels, side, batch=3):
    return torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("case", DEPTHWISE)
def test_depthwise_convolution(case, monkeypatch):
    side, kernel, stride, dilation = DEPTHWISE[case]
    padding = dilation * (kernel // 2)
    layer = nn.Conv2d(6, 6, kernel, stride=stride, padding=padding, dilation=dilation, groups=6, bias=False)
    _same(layer, _images(6, side), library=(nn.Conv2d, "_conv_forward"), monkeypatch=monkeypatch)


@pytest.mark.parametrize("stride", [1, 2])
def test_pointwise_convolution(stride, monkeypatch):
    layer = nn.Conv2d(6, 9, 1, stride=stride, groups=3, bias=False)
    _same(layer, _images(6, 5), library=(nn.Conv2d, "_conv_forward"), monkeypatch=monkeypatch)


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalisation(training):
    layer = nn.BatchNorm2d(4, momentum=0.3)
    for values in (layer.weight, layer.running_mean, layer.running_var):
        nn.init.uniform_(values, 0.5, 1.5)
    _same(layer.train(training), _images(4, 3))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("counted", [False, True])
def test_pooling(stride, counted, monkeypatch):
    _same(nn.MaxPool2d(3, stride=stride, padding=1), _images(4, 4))
    layer = nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=counted)
    library = (torch.nn.functional, "avg_pool2d")
    _same(layer, _images(4, 5), library=library, monkeypatch=monkeypatch)


def test_joining_keeps_the_order_of_memory():
    parts = [_images(4, 2), _images(6, 2)]
    other = JoinChannels(groups=2)
    keep_planes(other)
    joined = other(parts)
    torch.testing.assert_close(joined, JoinChannels(groups=2)(parts))
    assert joined.transpose(0, 1).is_contiguous()


def test_what_has_no_matrix_is_left_to_the_library():
    for layer, side in (
        (nn.Conv2d(2, 2, 3, padding=1, groups=2, bias=False), 9),
        (nn.AvgPool2d(3, stride=2, ceil_mode=True), 8),
        (nn.AvgPool2d(2), 10),
    ):
        other = copy.deepcopy(layer)
        keep_planes(other)
        assert torch.equal(other(_images(2, side)), layer(_images(2, side)))
    for layer in (nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(2, 2, 3, bias=False), nn.Conv2d(4, 2, 3, groups=2)):
        keep_planes(layer)
        assert type(layer) is nn.Conv2d


@pytest.mark.parametrize(("groups", "changed"), [(1, False), (4, True)])
def test_only_networks_with_depthwise_convolutions_are_changed(groups, changed):
    """The numbers of others, to the last bit, stay what they were in published tables."""
    networks = [
        nn.Sequential(nn.Conv2d(4, 4, 3, groups=groups, bias=False), nn.BatchNorm2d(4)) for _ in range(2)
    ]
    layers = [type(layer) for layer in stack_networks(networks)]
    assert (planes.DepthwisePlanes in layers) is changed
    assert (planes.BatchNormPlanes in layers) is changed

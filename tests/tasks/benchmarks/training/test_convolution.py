"""The matrix form of a convolution against the library's."""

import pytest
import torch
from torch import nn

from tasks.benchmarks.training.convolution import StackedConv2d


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [(2, 3, 1, 1), (4, 3, 2, 1), (4, 1, 1, 0), (2, 5, 1, 2), (4, 1, 2, 0), (4, 2, 2, 0), (3, 3, 2, 1)],
)
def test_same_values_and_gradients(monkeypatch, side, kernel, stride, padding):
    plain = nn.Conv2d(6, 15, kernel, stride=stride, padding=padding, groups=3, bias=False)
    stacked = StackedConv2d(6, 15, kernel, stride=stride, padding=padding, groups=3, bias=False)
    stacked.load_state_dict(plain.state_dict())
    inputs = [torch.randn(4, 6, side, side, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    results = []
    for layer, images in zip((plain, stacked), inputs, strict=True):
        images.requires_grad_()
        out = layer(images)
        # From here on the library's is out of reach: the second layer must take the matrix form.
        monkeypatch.setattr(nn.Conv2d, "_conv_forward", None)
        out.square().sum().backward()
        results.append((out, images.grad, layer.weight.grad))
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_large_maps_and_biases_are_left_to_the_library():
    for layer in (StackedConv2d(2, 2, 3, padding=1, groups=2, bias=False), StackedConv2d(2, 2, 3, padding=1)):
        images = torch.randn(1, 2, 8, 8)
        torch.testing.assert_close(layer(images), nn.Conv2d.forward(layer, images))

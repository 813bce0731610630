"""Parameters and multiply-adds of any network, counted layer by layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tasks.spaces.base import DatasetInfo
from tasks.spaces.dataset_facts import known_resolution


def network_counts(network: nn.Module, dataset: DatasetInfo) -> tuple[int, int]:
    """Return trainable parameters, and multiply-adds of one image.

    The rule is that of ``nasbench201_cost``: convolution and linear layers count their
    multiplications, batch normalisation 2 and ReLU 1 per element, pooling the area of its window
    per output element, the final global pooling of a k x k map (k + 1)^2 per channel.

    Args:
        network: Of one copy, on any device; "meta" costs nothing. It must not have hooks that
            depend on the input.
        dataset: Gives image size and channels.
    """
    total = 0

    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        total += _multiply_adds(layer, inputs, output)

    handles = [layer.register_forward_hook(add) for layer in network.modules()]
    was_training = network.training
    side = known_resolution(dataset)
    try:
        with torch.no_grad():
            network.eval()(
                torch.zeros(1, dataset.channels, side, side, device=next(network.parameters()).device)
            )
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad), total


def _multiply_adds(layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> int:  # noqa: ANN401
    match layer:
        case nn.Conv2d():
            return int(output.numel()) * layer.weight[0].numel()
        case nn.Linear():
            return layer.weight.numel()
        case nn.BatchNorm2d():
            return 2 * int(output.numel())
        case nn.ReLU():
            return int(output.numel())
        case nn.MaxPool2d() | nn.AvgPool2d():
            return int(output.numel()) * _area(layer.kernel_size)
        case nn.AdaptiveAvgPool2d():
            return int(output.numel()) * (inputs[0].shape[-1] + 1) ** 2
    return 0


def _area(kernel: int | tuple[int, ...]) -> int:
    if isinstance(kernel, int):
        return kernel * kernel
    return kernel[0] * kernel[-1]

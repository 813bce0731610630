"""Zen score: Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from predictors.zero_cost.layers import NORMS, WEIGHTED
from predictors.zero_cost.scoring import UndefinedScoreError

_STEP = 0.01


class _Found(Exception):  # noqa: N818 - not an error: the rest of the network is not needed
    """The features before global pooling were reached."""


@torch.no_grad()
def zen(network: nn.Module, shape: tuple[int, ...], generator: torch.Generator) -> float:
    """Return ln E sum abs(f(x) - f(x')) + sum over batch normalisations of ln sqrt(mean variance).

    x and x' = x + 0.01 e are batches of standard normal noise, f the features before global pooling
    with standard normal weights and batch normalisations without scale and shift. The variance is
    that of the batch x (not a running average, which would mostly keep its start of 1). Normalisations
    that no signal reaches, as behind a node without inputs, scale nothing and have no term.

    Args:
        network: Left as it is.
        shape: Of the batch: (images, channels, height, width).
        generator: Source of weights and noise, on the CPU.

    Raises:
        UndefinedScoreError: The network has no ``AdaptiveAvgPool2d``, or x makes no difference.
    """
    copied = copy.deepcopy(network).train()
    device = next(copied.parameters()).device
    norms = []
    for module in copied.modules():
        if isinstance(module, WEIGHTED):
            module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, NORMS):
            norms.append(module)
            if module.affine:
                module.weight.fill_(1.0)
                module.bias.zero_()
    variances: dict[nn.Module, float] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        features = inputs[0]
        dims = [dim for dim in range(features.ndim) if dim != 1]
        variances[module] = float(features.double().var(dim=dims, correction=0).mean())

    x = torch.randn(shape, generator=generator)
    other = x + _STEP * torch.randn(shape, generator=generator)
    handles = [module.register_forward_pre_hook(note) for module in norms]
    first = _features(copied, x.to(device))
    for handle in handles:
        handle.remove()
    second = _features(copied, other.to(device))
    difference = float((first - second).abs().double().flatten(1).sum(dim=1).mean())
    values = [difference, *variances.values()]
    if not all(math.isfinite(value) for value in values):
        raise UndefinedScoreError("a feature is not finite")
    if difference == 0:
        raise UndefinedScoreError("no signal flows through the network")
    scales = [0.5 * math.log(variance) for variance in variances.values() if variance > 0]
    return math.log(difference) + sum(scales)


def _features(network: nn.Module, images: Tensor) -> Tensor:
    """Return what the last ``AdaptiveAvgPool2d`` of the network takes in."""
    pools = [module for module in network.modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    if not pools:
        raise UndefinedScoreError("the network has no global pooling (AdaptiveAvgPool2d)")
    found: list[Tensor] = []

    def stop(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        found.append(inputs[0])
        raise _Found

    handle = pools[-1].register_forward_pre_hook(stop)
    try:
        network(images)
    except _Found:
        pass
    finally:
        handle.remove()
    if not found:
        raise UndefinedScoreError("the forward pass does not reach the global pooling")
    return found[0]

"""The layers of a network that proxies look at, and what is seen of them in a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def weighted_layers(network: nn.Module) -> list[nn.Module]:
    """Return the convolutions and linear layers, in the order in which they were made."""
    return [module for module in network.modules() if isinstance(module, WEIGHTED)]


def weights(network: nn.Module) -> list[nn.Parameter]:
    """Return their weights, without biases; a weight that layers share comes once."""
    found = dict.fromkeys(layer.weight for layer in weighted_layers(network))
    return [weight for weight in found if isinstance(weight, nn.Parameter)]


def gradients(
    total: Tensor, of: list[nn.Parameter], *, keep_graph: bool = False, create_graph: bool = False
) -> list[Tensor]:
    """Return the gradient of ``total`` with respect to each weight; zeros where it has no influence."""
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        total, of, allow_unused=True, retain_graph=keep_graph or create_graph, create_graph=create_graph
    )
    return [
        torch.zeros_like(weight) if gradient is None else gradient
        for weight, gradient in zip(of, found, strict=True)
    ]


@contextmanager
def watching(
    network: nn.Module, kinds: tuple[type[nn.Module], ...], see: Callable[[nn.Module, Tensor], None]
) -> Iterator[None]:
    """Call ``see(layer, output)`` in every forward pass within the block."""

    def hook(module: nn.Module, _inputs: Any, output: Tensor) -> None:  # noqa: ANN401 - as torch passes it
        see(module, output)

    handles = [
        module.register_forward_hook(hook) for module in network.modules() if isinstance(module, kinds)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def out_of_place(network: nn.Module) -> None:
    """Let activations leave their input as it is, which is looked at later."""
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]

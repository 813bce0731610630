"""Copies of one network trained as one program.

Tiny networks are bound by overhead: eight of them cost much more than one with eight times the
channels whose convolutions are grouped. Copy r of R owns the r-th of R equal parts of the channels
everywhere; no layer mixes the parts, so each copy computes what it would alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tasks.benchmarks.training.convolution import StackedConv2d
from tasks.benchmarks.training.planes import keep_planes
from tasks.spaces.layers import FirstChannels, JoinChannels


class StackedLinear(nn.Module):
    """R linear layers side by side."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.copies = len(layers)
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.bias = nn.Parameter(torch.stack(biases)[:, None]) if biases else None

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, R * inputs) to (batch, R * outputs)."""
        split = features.reshape(len(features), self.copies, -1).transpose(0, 1)
        out = (
            torch.bmm(split, self.weight)
            if self.bias is None
            else torch.baddbmm(self.bias, split, self.weight)
        )
        return out.transpose(0, 1).flatten(1)


def stack_networks(networks: Sequence[nn.Module]) -> nn.Module:
    """Return one network that computes all of ``networks``, which differ in their weights only.

    It maps (batch, R * channels, height, width) to (batch, R * outputs). Layers that act on each
    element or each channel alone stay as they are.

    Raises:
        TypeError: A layer with weights that is neither convolution, batch normalisation nor linear.
    """
    depthwise = any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in networks[0].modules())
    network = _stack(list(networks))
    if depthwise:
        keep_planes(network)
    for weight in network.parameters():
        if weight.ndim == 4:
            # The layout in memory that grouped convolutions are fast in.
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network


def _stack(copies: list[nn.Module]) -> nn.Module:
    """Turn the first copy into the stack."""
    first, count = copies[0], len(copies)
    match first:
        case nn.Linear():
            return StackedLinear([copy for copy in copies if isinstance(copy, nn.Linear)])
        case nn.Conv2d():
            _join_rows(copies)
            first.in_channels *= count
            first.out_channels *= count
            if first.groups == 1:
                first.__class__ = StackedConv2d
            first.groups *= count
        case nn.BatchNorm2d():
            _join_rows(copies)
            first.num_features *= count
        case JoinChannels() | FirstChannels():
            first.groups = count
        case _ if next(first.parameters(recurse=False), None) is not None:
            raise TypeError(f"cannot stack copies of {type(first).__name__}: it has weights of its own")
    for name, _ in list(first.named_children()):
        setattr(first, name, _stack([copy.get_submodule(name) for copy in copies]))
    return first


def _join_rows(copies: list[nn.Module]) -> None:
    """Give the first copy the concatenation of all copies' parameters and statistics."""
    first = copies[0]
    for name, _ in list(first.named_parameters(recurse=False)):
        setattr(first, name, nn.Parameter(torch.cat([copy.get_parameter(name).detach() for copy in copies])))
    for name, buffer in list(first.named_buffers(recurse=False)):
        if buffer.ndim:
            setattr(first, name, torch.cat([copy.get_buffer(name) for copy in copies]))

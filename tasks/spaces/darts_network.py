"""The network of DARTS in PyTorch: what its authors train to evaluate a genotype.

Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, and the code released
with it; without auxiliary head and without dropped paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import Arch, DatasetInfo
from tasks.spaces.darts_cost import CELLS, CHANNELS, KERNELS, STEM, CellSize, cell_sizes
from tasks.spaces.darts_parts import AVG_POOL, INPUTS, MAX_POOL, NODES, PAIRS, SEP3, SEP5, SKIP
from tasks.spaces.dataset_facts import known_classes
from tasks.spaces.layers import JoinChannels

_SIZES = {"channels": CHANNELS, "cells": CELLS}
_LEAST = {"channels": 1, "cells": 3}


def build_network(arch: Arch, dataset: DatasetInfo, **size: int) -> nn.Module:
    """Return the network of a pair of cells, freshly initialised from torch's global generator.

    Args:
        arch: 32 codes.
        dataset: Gives classes and input channels.
        **size: ``channels`` of the nodes in the first cells (32) and ``cells`` (8, at least 3, so that
            there is a normal cell beside the two reduction cells).

    Raises:
        InputError: An unknown or too small size, or an unknown number of classes.
    """
    half = len(arch) // 2
    normal, reduction = arch[:half], arch[half:]
    return DartsNetwork(lambda cell: _Cell(reduction if cell.reduction else normal, cell), dataset, **size)


class DartsNetwork(nn.Module):
    """Stem, cells that each take the outputs of the two before, linear classifier.

    Input (batch, in_channels, height, width), height and width multiples of 4; output logits of
    shape (batch, classes).

    Args:
        make_cell: Returns a cell, which takes the outputs of the two before.
        dataset: Gives classes and input channels.
        **size: As for ``build_network``.

    Raises:
        InputError: As ``build_network``.
    """

    def __init__(self, make_cell: Callable[[CellSize], nn.Module], dataset: DatasetInfo, **size: int) -> None:
        super().__init__()
        channels, cells = _checked_sizes(size)
        classes, in_channels = known_classes(dataset), dataset.channels
        stem = STEM * channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem)
        )
        sizes = cell_sizes(channels, cells)
        self.cells = nn.ModuleList(make_cell(cell) for cell in sizes)
        self.last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(NODES * sizes[-1].channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        before_last = last = self.stem(images)
        for cell in self.cells:
            before_last, last = last, cell(before_last, last)
        logits: Tensor = self.classifier(self.last(last))
        return logits


def _checked_sizes(size: Mapping[str, int]) -> tuple[int, int]:
    """Return channels and cells."""
    for name, value in size.items():
        if name not in _SIZES:
            raise InputError(f"darts network: unknown size {name!r}; {did_you_mean(name, _SIZES)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < _LEAST[name]:
            raise InputError(
                f"darts network: {name} is {value!r}, must be an integer of at least {_LEAST[name]}"
            )
    complete = {**_SIZES, **size}
    return complete["channels"], complete["cells"]


def prepared_inputs(size: CellSize) -> nn.ModuleList:
    """Return what brings both inputs to the channels, height and width of a cell's nodes."""
    width = size.channels
    first = _Halving(size.before_last, width) if size.after_reduction else _mix(size.before_last, width)
    return nn.ModuleList([first, _mix(size.last, width)])


class _Cell(nn.Module):
    """Nodes are sums of two operations on earlier nodes or inputs; the output joins their channels."""

    def __init__(self, codes: Arch, size: CellSize) -> None:
        super().__init__()
        width = size.channels
        self.prepare = prepared_inputs(size)
        self.sources = codes[::2]
        self.operations = nn.ModuleList(
            operation(code, width, stride=2 if size.reduction and source < INPUTS else 1)
            for source, code in zip(self.sources, codes[1::2], strict=True)
        )
        self.join = JoinChannels()

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        nodes = [self.prepare[0](before_last), self.prepare[1](last)]
        for first in range(0, len(self.sources), PAIRS):
            terms = [self.operations[pair](nodes[self.sources[pair]]) for pair in range(first, first + PAIRS)]
            nodes.append(terms[0] + terms[1])
        joined: Tensor = self.join(nodes[INPUTS:])
        return joined


class _Halving(nn.Module):
    """ReLU; even and odd pixels each to half of the channels; batch normalisation.

    Height and width must be even.
    """

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(narrow, wide // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(narrow, wide - wide // 2, 1, stride=2, bias=False)
        self.join = JoinChannels()
        self.norm = nn.BatchNorm2d(wide)

    def forward(self, features: Tensor) -> Tensor:
        features = self.relu(features)
        joined = self.join([self.even(features), self.odd(features[:, :, 1:, 1:])])
        normal: Tensor = self.norm(joined)
        return normal


def _mix(narrow: int, wide: int) -> nn.Module:
    """ReLU, 1x1 convolution, batch normalisation. ReLU is not in place: inputs feed several layers."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(narrow, wide, 1, bias=False), nn.BatchNorm2d(wide))


def _depthwise(channels: int, kernel: int, *, stride: int, dilation: int) -> list[nn.Module]:
    """ReLU, depthwise and 1x1 convolution, batch normalisation."""
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels,
            channels,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def operation(code: int, channels: int, *, stride: int) -> nn.Module:
    """Return the operation of a pair."""
    if code == MAX_POOL:
        return nn.MaxPool2d(3, stride=stride, padding=1)
    if code == AVG_POOL:
        return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)
    if code == SKIP:
        return nn.Identity() if stride == 1 else _Halving(channels, channels)
    kernel = KERNELS[code]
    if code in (SEP3, SEP5):
        first = _depthwise(channels, kernel, stride=stride, dilation=1)
        return nn.Sequential(*first, *_depthwise(channels, kernel, stride=1, dilation=1))
    return nn.Sequential(*_depthwise(channels, kernel, stride=stride, dilation=2))

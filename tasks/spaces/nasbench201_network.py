"""The network of NAS-Bench-201 in PyTorch: what the benchmark's authors trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import Arch, DatasetInfo
from tasks.spaces.dataset_facts import known_classes
from tasks.spaces.nasbench201 import CONV1, CONV3, EDGES, NONE, SKIP
from tasks.spaces.nasbench201_cost import STAGES

_SIZES = {"channels": 16, "cells": 5}


def build_network(arch: Arch, dataset: DatasetInfo, **size: int) -> nn.Module:
    """Return the network of a cell, freshly initialised from torch's global generator.

    Args:
        arch: Six operation codes.
        dataset: Gives classes and input channels.
        **size: ``channels`` of the first stage (16) and ``cells`` per stage (5).

    Raises:
        InputError: An unknown size or one below 1, or an unknown number of classes.
    """
    return NasBench201Network(partial(_Cell, arch), dataset, **size)


class NasBench201Network(nn.Module):
    """Stem, three stages of equal cells with a residual reduction between, linear classifier.

    Input (batch, in_channels, height, width), height and width multiples of 4; output logits of
    shape (batch, classes).

    Args:
        make_cell: Returns a cell for a number of channels.
        dataset: Gives classes and input channels.
        **size: As for ``build_network``.

    Raises:
        InputError: As ``build_network``.
    """

    def __init__(self, make_cell: Callable[[int], nn.Module], dataset: DatasetInfo, **size: int) -> None:
        super().__init__()
        channels, cells = _checked_sizes(size)
        classes, in_channels = known_classes(dataset), dataset.channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        blocks: list[nn.Module] = []
        for stage in range(STAGES):
            width = channels * 2**stage
            if stage:
                blocks.append(_Reduction(width // 2, width))
            blocks += [make_cell(width) for _ in range(cells)]
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        logits: Tensor = self.classifier(self.last(self.blocks(self.stem(images))))
        return logits


def _checked_sizes(size: Mapping[str, int]) -> tuple[int, int]:
    """Return channels and cells."""
    for name, value in size.items():
        if name not in _SIZES:
            raise InputError(f"nasbench201 network: unknown size {name!r}; {did_you_mean(name, _SIZES)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"nasbench201 network: {name} is {value!r}, must be an integer of at least 1")
    complete = {**_SIZES, **size}
    return complete["channels"], complete["cells"]


class _Cell(nn.Module):
    """Nodes are sums of their incoming edges; an edge of ``none`` adds nothing."""

    def __init__(self, arch: Arch, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{source}-{target}": operation(code, channels)
                for (source, target), code in zip(EDGES, arch, strict=True)
                if code != NONE
            }
        )

    def forward(self, features: Tensor) -> Tensor:
        nodes = [features]
        for target in range(1, 4):
            terms = [
                self.edges[f"{source}-{target}"](nodes[source])
                for source in range(target)
                if f"{source}-{target}" in self.edges
            ]
            nodes.append(sum(terms[1:], start=terms[0]) if terms else torch.zeros_like(features))
        return nodes[-1]


class _Reduction(nn.Module):
    """Residual block of stride 2 that doubles the channels."""

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_convolution(narrow, wide, 3, stride=2), _convolution(wide, wide, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(narrow, wide, 1, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.shortcut(features) + self.body(features)
        return out


def _convolution(narrow: int, wide: int, kernel: int, *, stride: int = 1) -> nn.Module:
    """ReLU, convolution, batch normalisation. ReLU is not in place: inputs feed several edges."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(narrow, wide, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(wide),
    )


def operation(code: int, channels: int) -> nn.Module:
    """Return an operation of an edge, any but ``none``."""
    if code == SKIP:
        return nn.Identity()
    if code in (CONV1, CONV3):
        return _convolution(channels, channels, 1 if code == CONV1 else 3)
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

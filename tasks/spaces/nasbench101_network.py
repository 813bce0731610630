"""The network of NAS-Bench-101 in PyTorch: what the benchmark's authors trained in TensorFlow.

Ying et al., "NAS-Bench-101", ICML 2019, section 2, and the code released with it.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import CellGraph, DatasetInfo
from tasks.spaces.dataset_facts import known_classes
from tasks.spaces.layers import FirstChannels, JoinChannels
from tasks.spaces.nasbench101_cost import CELLS, CHANNELS, STACKS, vertex_channels

_SIZES = {"channels": CHANNELS, "cells": CELLS}


def build_network(cell: CellGraph, dataset: DatasetInfo, **size: int) -> nn.Module:
    """Return the network of a cell, freshly initialised from torch's global generator.

    Args:
        cell: Pruned: every vertex is on a path from input to output.
        dataset: Gives classes and input channels.
        **size: ``channels`` of the stem (128) and ``cells`` per stack (3).

    Raises:
        InputError: An unknown size or one below 1, fewer channels than vertices that are
            concatenated, or an unknown number of classes.
    """
    for name, value in size.items():
        if name not in _SIZES:
            raise InputError(f"nasbench101 network: unknown size {name!r}; {did_you_mean(name, _SIZES)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"nasbench101 network: {name} is {value!r}, must be an integer of at least 1")
    sizes = {**_SIZES, **size}
    parts = int(cell.adjacency[1:-1, -1].sum())
    if sizes["channels"] < parts:
        raise InputError(
            f"nasbench101 network: channels is {sizes['channels']}, must be at least {parts}, because the "
            f"cell concatenates {parts} vertices"
        )
    return NasBench101Network(cell, known_classes(dataset), dataset.channels, **sizes)


class NasBench101Network(nn.Module):
    """Stem, three stacks of equal cells with 2x2 max pooling between, linear classifier.

    Input (batch, in_channels, height, width), height and width of at least 4; output logits of
    shape (batch, classes).
    """

    def __init__(self, cell: CellGraph, classes: int, in_channels: int, *, channels: int, cells: int) -> None:
        super().__init__()
        self.stem = _convolution(in_channels, channels, 3)
        blocks: list[nn.Module] = []
        narrow = wide = channels
        for stack in range(STACKS):
            if stack:
                blocks.append(nn.MaxPool2d(2))
                wide = 2 * narrow
            for _ in range(cells):
                blocks.append(_Cell(cell, narrow, wide))
                narrow = wide
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(wide, classes)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        logits: Tensor = self.classifier(self.last(self.blocks(self.stem(images))))
        return logits


class _Cell(nn.Module):
    """Vertices take sums, the output a concatenation; the cell's input is projected wherever it goes."""

    def __init__(self, cell: CellGraph, narrow: int, wide: int) -> None:
        super().__init__()
        arcs = cell.adjacency
        self.widths: list[int] = vertex_channels(arcs[None], wide)[0].tolist()
        self.sources = [[u for u in range(1, v) if arcs[u, v]] for v in range(1, len(arcs))]
        # Keys are vertices; the output's projection is added to the concatenation.
        self.project = nn.ModuleDict(
            {
                str(v): _convolution(narrow, width, 1)
                for v, width in enumerate([*self.widths, wide], start=1)
                if arcs[0, v]
            }
        )
        self.operations = nn.ModuleList(
            _operation(name, width) for name, width in zip(cell.operations[1:-1], self.widths, strict=True)
        )
        # A source can be one channel wider, where the channels of the output were not divisible.
        self.cut = nn.ModuleList(FirstChannels(width) for width in self.widths)
        self.join = JoinChannels()

    def forward(self, features: Tensor) -> Tensor:
        vertices: list[Tensor] = []
        for v, (operation, width) in enumerate(zip(self.operations, self.widths, strict=True), start=1):
            terms = [
                vertices[u - 1] if self.widths[u - 1] == width else self.cut[v - 1](vertices[u - 1])
                for u in self.sources[v - 1]
            ]
            vertices.append(operation(self._total(features, v, terms)))
        parts = [vertices[u - 1] for u in self.sources[-1]]
        return self._total(features, len(vertices) + 1, [self.join(parts)] if parts else [])

    def _total(self, features: Tensor, vertex: int, terms: list[Tensor]) -> Tensor:
        if str(vertex) in self.project:
            terms = [*terms, self.project[str(vertex)](features)]
        return sum(terms[1:], start=terms[0])


def _convolution(narrow: int, wide: int, kernel: int) -> nn.Module:
    """Convolution, batch normalisation, ReLU, initialised as in the released code.

    That is a truncated normal distribution of variance 1 / fan-in; the factor is the standard
    deviation of a standard normal distribution cut off at +-2.
    """
    convolution = nn.Conv2d(narrow, wide, kernel, padding=kernel // 2, bias=False)
    scale = 1.0 / (math.sqrt(narrow * kernel**2) * 0.87962566103423978)
    nn.init.trunc_normal_(convolution.weight, std=scale, a=-2 * scale, b=2 * scale)
    return nn.Sequential(convolution, nn.BatchNorm2d(wide, eps=1e-5, momentum=0.003), nn.ReLU())


def _operation(name: str, channels: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return _convolution(channels, channels, 3 if name == "conv3x3-bn-relu" else 1)

"""A search space of one's own, in one file. See docs/benchmarks.md.

naspred bench build small_cells --plugin examples/own_space.py --archs 200 --runs 4
naspred run --benchmark naspred-benchmarks/small_cells-digits/small_cells-digits.parquet
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.spaces.base import Arch, CellGraph, DatasetInfo
from tasks.spaces.dag import DagSpace
from tasks.spaces.registry import register_space

if TYPE_CHECKING:
    from torch import nn

OPERATIONS = ("input", "conv1x1", "conv3x3", "maxpool3x3", "output")
VERTICES = 5


class SmallCells(DagSpace):
    """Cells of at most three operations; sampling, mutation, canonical form and notation are DagSpace's."""

    def build(self, arch: Arch, dataset: DatasetInfo, *, channels: int = 8, cells: int = 1) -> nn.Module:
        """Return the network: a stem, two stages of equal cells with pooling between, a classifier."""
        from torch import nn  # here, because listing spaces must not wait for torch

        cell = self.graph(arch)
        return nn.Sequential(
            _convolution(dataset.channels, channels, 3),
            *(_cell(cell, channels) for _ in range(cells)),
            nn.MaxPool2d(2),
            *(_cell(cell, channels) for _ in range(cells)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, dataset.num_classes),
        )


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Module:
    from torch import nn

    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def _cell(cell: CellGraph, channels: int) -> nn.Module:
    import torch
    from torch import nn

    class Cell(nn.Module):
        """Each vertex applies its operation to the sum of what arrives; the output is a sum, too."""

        def __init__(self) -> None:
            super().__init__()
            self.operations = nn.ModuleList(_operation(name, channels) for name in cell.operations[1:-1])

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            vertices = [features]
            for vertex, operation in enumerate([*self.operations, None], start=1):
                arriving = [vertices[source] for source in range(vertex) if cell.adjacency[source, vertex]]
                total = sum(arriving[1:], start=arriving[0]) if arriving else torch.zeros_like(features)
                vertices.append(total if operation is None else operation(total))
            return vertices[-1]

    return Cell()


def _operation(name: str, channels: int) -> nn.Module:
    from torch import nn

    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return _convolution(channels, channels, int(name[-1]))


register_space("small_cells", lambda: SmallCells("small_cells", OPERATIONS, VERTICES))

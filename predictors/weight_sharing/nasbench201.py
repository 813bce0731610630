"""The supernet of NAS-Bench-201: the benchmark's network with every operation on every edge."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from predictors.weight_sharing.supernet import Path, Shared, Supernet, value_of
from tasks.spaces.base import Codes, DatasetInfo
from tasks.spaces.nasbench201 import CONV1, CONV3, EDGES, NONE, OPERATIONS
from tasks.spaces.nasbench201_network import NasBench201Network, operation

_NODES = 4
_ALL = tuple(code for code in range(len(OPERATIONS)) if code != NONE)


class NasBench201Supernet(Supernet):
    """Every cell has all operations on all edges; a sub-network uses the same ones in every cell.

    Args:
        dataset: Gives classes and input channels.
        **size: ``channels`` of the first stage (16) and ``cells`` per stage (5).
    """

    def __init__(self, dataset: DatasetInfo, **size: int) -> None:
        super().__init__()
        self.network = NasBench201Network(_SuperCell, dataset, **size)
        self.adopt()

    @staticmethod
    def pruned(codes: Codes) -> Codes:
        """Return cells with ``none`` on all edges that lead nowhere or pass zeros on.

        A convolution of zeros stays: its batch normalisation adds a bias.
        """
        codes = np.array(codes, dtype=np.int16)
        filled = np.zeros((_NODES, len(codes)), dtype=np.bool_)
        useful = np.zeros_like(filled)
        filled[0] = useful[-1] = True
        gives: list[NDArray[np.bool_]] = []
        for column, (source, target) in enumerate(EDGES):  # targets ascend
            code = codes[:, column]
            gives.append((code == CONV1) | (code == CONV3) | (filled[source] & (code != NONE)))
            filled[target] |= gives[-1]
        for column, (source, target) in sorted(enumerate(EDGES), key=lambda edge: -edge[1][1]):
            useful[source] |= useful[target] & gives[column]
        for column, (_, target) in enumerate(EDGES):
            codes[~(gives[column] & useful[target]), column] = NONE
        return codes

    def forward(self, images: Tensor, path: Path, shared: Shared | None = None) -> Tensor:
        """Return the logits of a cell, or of all operations at once."""
        net = self.network
        features = value_of(shared, "stem", partial(net.stem, images))
        for block in net.blocks:
            if isinstance(block, _SuperCell):
                features = block(features, path, shared)
                shared = None  # the cells after the first have inputs that differ
            else:
                features = block(features)
        logits: Tensor = net.classifier(net.last(features))
        return logits


class _SuperCell(nn.Module):
    """Nodes are sums of the operations that take part on their incoming edges."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {f"{column}-{code}": operation(code, channels) for column in range(len(EDGES)) for code in _ALL}
        )

    def forward(self, features: Tensor, path: Path, shared: Shared | None) -> Tensor:
        nodes: list[Tensor] = [features]
        names: list[Hashable] = [()]
        for target in range(1, _NODES):
            terms, name = [], []
            for column, (source, end) in enumerate(EDGES):
                if end != target:
                    continue
                for code in _ALL if path is None else (path[column],):
                    if code == NONE:
                        continue
                    layer = self.edges[f"{column}-{code}"]
                    name.append((column, code, names[source]))
                    terms.append(value_of(shared, name[-1], partial(layer, nodes[source])))
            nodes.append(sum(terms[1:], start=terms[0]) if terms else torch.zeros_like(features))
            names.append(tuple(name))
        return nodes[-1]

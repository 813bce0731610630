"""The supernet of DARTS: its network with every operation between all nodes of a cell."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

from torch import Tensor, nn

from predictors.weight_sharing.supernet import Path, Shared, Supernet, value_of
from tasks.spaces.base import Arch, DatasetInfo
from tasks.spaces.darts_cost import CellSize
from tasks.spaces.darts_network import DartsNetwork, operation, prepared_inputs
from tasks.spaces.darts_parts import INPUTS, NODES, OPERATIONS, PAIRS
from tasks.spaces.layers import JoinChannels


class DartsSupernet(Supernet):
    """Every cell has all operations from all earlier nodes; a sub-network uses two per node.

    All normal cells of a sub-network are alike, and so are both reduction cells.

    Args:
        dataset: Gives classes and input channels.
        **size: ``channels`` of the nodes in the first cells (32) and ``cells`` (8, at least 3).
    """

    def __init__(self, dataset: DatasetInfo, **size: int) -> None:
        super().__init__()
        self.network = DartsNetwork(_SuperCell, dataset, **size)
        self.adopt()

    def forward(self, images: Tensor, path: Path, shared: Shared | None = None) -> Tensor:
        """Return the logits of a pair of cells, or of all operations at once."""
        net = self.network
        before_last = last = value_of(shared, "stem", partial(net.stem, images))
        for cell in net.cells:
            before_last, last = last, cell(before_last, last, path, shared)
            shared = None  # the cells after the first have inputs that differ
        logits: Tensor = net.classifier(net.last(last))
        return logits


class _SuperCell(nn.Module):
    """Nodes are sums of the operations that take part; the output joins their channels."""

    def __init__(self, size: CellSize) -> None:
        super().__init__()
        self.prepare = prepared_inputs(size)
        self.reduction = size.reduction
        self.edges = nn.ModuleDict(
            {
                f"{node}-{source}-{code}": operation(
                    code, size.channels, stride=2 if size.reduction and source < INPUTS else 1
                )
                for node in range(INPUTS, INPUTS + NODES)
                for source, code in _everything(node)
            }
        )
        self.join = JoinChannels()

    def forward(self, before_last: Tensor, last: Tensor, path: Path, shared: Shared | None) -> Tensor:
        nodes: list[Tensor] = []
        names: list[Hashable] = ["before last", "last"]
        for key, layer, features in zip(names, self.prepare, (before_last, last), strict=True):
            nodes.append(value_of(shared, key, partial(layer, features)))
        for node in range(INPUTS, INPUTS + NODES):
            pairs = _everything(node) if path is None else self._pairs(path, node)
            name, terms = [], []
            for source, code in pairs:
                edge = self.edges[f"{node}-{source}-{code}"]
                name.append((node, source, code, names[source]))
                terms.append(value_of(shared, name[-1], partial(edge, nodes[source])))
            nodes.append(sum(terms[1:], start=terms[0]))
            names.append(tuple(name))
        joined: Tensor = self.join(nodes[INPUTS:])
        return joined

    def _pairs(self, path: Arch, node: int) -> Iterator[tuple[int, int]]:
        """Yield predecessor and operation of a node's pairs."""
        first = (int(self.reduction) * NODES + node - INPUTS) * PAIRS * 2
        codes = path[first : first + PAIRS * 2]
        return zip(codes[::2], codes[1::2], strict=True)


def _everything(node: int) -> Iterator[tuple[int, int]]:
    """Yield all predecessors of a node with all operations."""
    return ((source, code) for source in range(node) for code in range(len(OPERATIONS)))

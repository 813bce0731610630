"""What the supernets of all spaces share: paths through them, and values that sub-networks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from predictors.weight_sharing.norms import NormBook, Statistics, use_book
from tasks.errors import InputError
from tasks.spaces.base import Arch, Codes, DatasetInfo, SearchSpace

Path: TypeAlias = Arch | None
"""The operations that take part: those of an architecture, or all of them (None)."""

_KEPT = 32
"""Feature maps that are kept for the next sub-network; in the order of the codes it needs about 25."""


class Shared:
    """Feature maps of one mini-batch that several sub-networks have in common.

    Up to the first operation in which they differ, two sub-networks compute the same: the stem, and
    edges of the first cell that begin alike. A value is found by what it was computed by, and its
    batch normalisations have one set of statistics for all sub-networks.

    Args:
        book: Of the supernet.
        statistics: Of the shared parts; for all mini-batches the same.
    """

    def __init__(self, book: NormBook, statistics: dict[Hashable, Statistics]) -> None:
        self._book, self._statistics = book, statistics
        self._values: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._computed: set[Hashable] = set()

    def value(self, key: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """Return the value that ``compute`` gives, computed once, or again if it was long ago.

        Args:
            key: Equal for equal values.
            compute: Computes it.
        """
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        statistics = self._statistics.setdefault(key, {})
        if key in self._computed and self._book.mode == "collect":
            statistics = {}  # the mini-batch is in the statistics already
        self._computed.add(key)
        with self._book.using(statistics):
            value = compute()
        self._values[key] = value
        if len(self._values) > _KEPT:
            self._values.popitem(last=False)
        return value


def value_of(shared: Shared | None, key: Hashable, compute: Callable[[], Tensor]) -> Tensor:
    """Return the value that ``compute`` gives, one that is shared if any are.

    Args:
        shared: Where shared values are; None outside the parts that sub-networks share.
        key: Equal for equal values.
        compute: Computes it.
    """
    return compute() if shared is None else shared.value(key, compute)


class Supernet(nn.Module, ABC):
    """A network that has every operation of a space in every place.

    Its macro structure and its layers are those of the space's own networks. Input (batch,
    in_channels, height, width); output logits of shape (batch, classes).
    """

    book: NormBook

    def adopt(self) -> None:
        """Make the layers ready; the last thing that a constructor does."""
        self.book = use_book(self)
        for weight in self.parameters():
            if weight.ndim == 4:
                # The layout in memory in which small convolutions are fast.
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def pruned(codes: Codes) -> Codes:
        """Return architectures without what has no effect: equal rows are the same sub-network."""
        return codes

    @abstractmethod
    def forward(self, images: Tensor, path: Path, shared: Shared | None = None) -> Tensor:
        """Return the logits of a sub-network.

        Args:
            images: A mini-batch.
            path: The sub-network, pruned; None for the sum of all operations in each place.
            shared: Values that other sub-networks have left of the same mini-batch.
        """


def make_supernet(space: SearchSpace, dataset: DatasetInfo, **size: int) -> Supernet:
    """Return the supernet of a space, freshly initialised from torch's global generator.

    Args:
        space: NAS-Bench-201 or DARTS.
        dataset: Gives classes and input channels.
        **size: As for ``space.build``.

    Raises:
        InputError: A space without a supernet, or sizes that do not fit.
    """
    kind = _kind(space)
    if kind is None:
        raise InputError(f"space {space.name!r} has no supernet; allowed: darts, nasbench201")
    return kind(dataset, **size)


def sharing_order(space: SearchSpace, codes: Codes) -> NDArray[np.int64]:
    """Return an order in which sub-networks that are the same, or begin alike, are neighbours.

    Args:
        space: Any; of one without a supernet here, architectures are as they are written.
        codes: Architectures, shape (n, code length).

    Returns:
        Rows of ``codes``, shape (n,).
    """
    kind = _kind(space)
    rows = codes if kind is None else kind.pruned(codes)
    return np.lexsort(rows.T[::-1])


def _kind(space: SearchSpace) -> type[Supernet] | None:
    if space.name == "nasbench201":
        from predictors.weight_sharing.nasbench201 import NasBench201Supernet

        return NasBench201Supernet
    if space.name == "darts":
        from predictors.weight_sharing.darts import DartsSupernet

        return DartsSupernet
    return None

"""Batch normalisation with statistics of their own for each sub-network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

Statistics: TypeAlias = dict[int, tuple[Tensor, Tensor]]
"""Number of a layer -> mean and variance of its channels."""

Mode = Literal["own", "collect", "apply"]


class NormBook:
    """Tells all layers of a network whose statistics are in force.

    ``own``: the layers behave as usual, with the statistics that training left in them. ``collect``:
    mini-batches are normalised by themselves, and what is seen goes into ``statistics``, all
    mini-batches with the same weight. ``apply``: ``statistics`` are used.
    """

    def __init__(self) -> None:
        self.mode: Mode = "own"
        self.statistics: Statistics = {}
        self.seen = 0

    @contextmanager
    def using(self, statistics: Statistics) -> Iterator[None]:
        """Use other statistics within the block."""
        before = self.statistics
        self.statistics = statistics
        try:
            yield
        finally:
            self.statistics = before

    @contextmanager
    def doing(self, mode: Mode, seen: int = 0) -> Iterator[None]:
        """Collect or apply within the block.

        Args:
            mode: What to do.
            seen: Mini-batches that were collected before.
        """
        before = self.mode, self.seen
        self.mode, self.seen = mode, seen
        try:
            yield
        finally:
            self.mode, self.seen = before


class SubnetNorm(nn.BatchNorm2d):
    """Batch normalisation that looks into a book.

    Args:
        norm: The layer that it replaces.
        book: Of the network.
        number: Of the layer in the book.
    """

    def __init__(self, norm: nn.BatchNorm2d, book: NormBook, number: int) -> None:
        super().__init__(norm.num_features, eps=norm.eps, momentum=norm.momentum, affine=norm.affine)
        self._book = book
        self._number = number

    def forward(self, features: Tensor) -> Tensor:
        """Normalise a map of shape (batch, channels, height, width)."""
        book = self._book
        if book.mode == "own":
            return super().forward(features)
        if book.mode == "collect" and self._number not in book.statistics:
            empty = torch.zeros(self.num_features, device=features.device)
            book.statistics[self._number] = (empty, empty.clone())
        mean, variance = book.statistics[self._number]
        collect = book.mode == "collect"
        share = 1.0 / (book.seen + 1) if collect else 0.0
        return functional.batch_norm(
            features, mean, variance, self.weight, self.bias, collect, share, self.eps
        )


def use_book(network: nn.Module) -> NormBook:
    """Replace every batch normalisation of a fresh network; returns the book that they look into."""
    book, count = NormBook(), 0
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, SubnetNorm(child, book, count))
                count += 1
    return book

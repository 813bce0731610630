"""Accuracy of sub-networks with the weights of a supernet."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from predictors.weight_sharing.norms import Statistics
from predictors.weight_sharing.supernet import Shared, Supernet
from tasks.benchmarks.training.data import TrainingData
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.streams import BatchStream
from tasks.spaces.base import Arch, Codes, as_arch

_AT_ONCE = 250
"""Images of a mini-batch. A CPU is hardly faster with more, so that several sub-networks in one mini-batch
would gain nothing; and an image is always computed in the same company, whatever else is asked for."""

_AT_ONCE_ON_GPU = 2000

_TOGETHER = 512
"""Sub-networks whose statistics are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How sub-networks are measured.

    Attributes:
        reestimate: Whether each one's batch normalisation gets statistics of its own. Those that
            training leaves are averages over all that came along, and hold for none.
        batches: Mini-batches of 250 training images that these are estimated from.
    """

    reestimate: bool = True
    batches: int = 2


@torch.inference_mode()
def accuracies(
    supernet: Supernet, codes: Codes, data: TrainingData, measure: Measure, seed: int
) -> NDArray[np.float64]:
    """Return the accuracy of each sub-network on the validation images in percent, shape (n,).

    Each value counts for itself: it does not depend on the others, nor on their order, to the last
    bit. Sub-networks that differ only in parts without effect are measured once.

    Args:
        supernet: Trained; is left as it was.
        codes: Architectures, shape (n, code length).
        data: Gives training images for the statistics, and the validation images.
        measure: How.
        seed: Of the mini-batches for the statistics.
    """
    supernet.eval()
    # Sorted, so that neighbours begin alike.
    rows, inverse = np.unique(supernet.pruned(codes), axis=0, return_inverse=True)
    scorer = _Scorer(supernet, data, measure, seed)
    correct = [
        scorer.correct([as_arch(row) for row in rows[begin : begin + _TOGETHER]])
        for begin in range(0, len(rows), _TOGETHER)
    ]
    counts = np.concatenate([np.zeros(0, dtype=np.int64), *correct])[inverse.reshape(-1)]
    return 100.0 * counts / len(data.val_labels)


class _Scorer:
    def __init__(self, supernet: Supernet, data: TrainingData, measure: Measure, seed: int) -> None:
        self._net, self._reestimate = supernet, measure.reestimate
        self._device = next(supernet.parameters()).device
        at_once = _AT_ONCE if self._device.type == "cpu" else _AT_ONCE_ON_GPU
        recipe = Recipe(space="any", steps_per_epoch=measure.batches, batch_size=_AT_ONCE)
        self._seen: list[Tensor] = []
        if measure.reestimate:
            self._seen = [self._put(images) for images in BatchStream(recipe, data, seed).epoch()[0]]
        starts = range(0, len(data.val_labels), at_once)
        self._images = [self._put(data.val_images[start : start + at_once]) for start in starts]
        self._labels = [
            torch.tensor(data.val_labels[start : start + at_once], device=self._device) for start in starts
        ]

    def _put(self, images: NDArray[np.float32]) -> Tensor:
        tensor = torch.tensor(images, device=self._device)
        return tensor.contiguous(memory_format=torch.channels_last)

    def correct(self, paths: Sequence[Arch]) -> NDArray[np.int64]:
        """Return how many validation images each sub-network classifies correctly."""
        net, book = self._net, self._net.book
        own: list[Statistics] = [{} for _ in paths]
        common: dict[Hashable, Statistics] = {}
        for number, images in enumerate(self._seen):
            shared = Shared(book, common)
            with book.doing("collect", number):
                for path, statistics in zip(paths, own, strict=True):
                    with book.using(statistics):
                        net(images, path, shared)
        counts = torch.zeros(len(paths), dtype=torch.int64, device=self._device)
        for images, labels in zip(self._images, self._labels, strict=True):
            shared = Shared(book, common)
            with book.doing("apply" if self._reestimate else "own"):
                for row, (path, statistics) in enumerate(zip(paths, own, strict=True)):
                    with book.using(statistics):
                        counts[row] += (net(images, path, shared).argmax(dim=1) == labels).sum()
        return counts.cpu().numpy()

"""Mini-batches of one run: its own stream, from its own seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.training.data import Images, Labels, TrainingData
from tasks.benchmarks.training.digits import lay_over, pair_labels
from tasks.benchmarks.training.recipe import Recipe
from tasks.seeds import generator


class BatchStream:
    """The mini-batches of a run, an epoch at a time.

    The stream depends on recipe, data and seed only: not on the network, nor on other runs.
    """

    def __init__(self, recipe: Recipe, data: TrainingData, seed: int) -> None:
        self._recipe = recipe
        self._data = data
        self._rng = generator("mini-batches", seed)
        self._left: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def epoch(self) -> tuple[Images, Labels]:
        """Return the next epoch: images (steps, batch, channels, height, width), labels (steps, batch)."""
        recipe, data = self._recipe, self._data
        count = recipe.steps_per_epoch * recipe.batch_size
        if data.compose == "pairs":
            rows = self._rng.integers(len(data.train_labels), size=(2, count))
            first, second = (self._augmented(row) for row in rows)
            images = lay_over(first, second)
            labels = pair_labels(*data.train_labels[rows])
        else:
            rows = self._shuffled(count)
            images, labels = self._augmented(rows), data.train_labels[rows]
        if recipe.noise:
            images += np.float32(recipe.noise) * self._rng.standard_normal(images.shape, dtype=np.float32)
        shape = (recipe.steps_per_epoch, recipe.batch_size)
        return images.reshape(*shape, *images.shape[1:]), labels.reshape(shape)

    def _shuffled(self, count: int) -> NDArray[np.int64]:
        """Return rows of passes through the training set, each in a new order."""
        while len(self._left) < count:
            self._left = np.concatenate([self._left, self._rng.permutation(len(self._data.train_labels))])
        rows, self._left = self._left[:count], self._left[count:]
        return rows

    def _augmented(self, rows: NDArray[np.int64]) -> Images:
        """Return training images, shifted and mirrored as the recipe says."""
        images = self._data.train_images[rows]
        shift = self._recipe.shift
        if shift:
            height, width = images.shape[2:]
            edge = ((0, 0), (0, 0), (shift, shift), (shift, shift))
            images = np.pad(images, edge, constant_values=self._data.blank)
            down, right = self._rng.integers(2 * shift + 1, size=(2, len(rows), 1))
            image = np.arange(len(rows))[:, None, None]
            # Advanced indices on both sides of a slice come first: (n, height, width, channels).
            windows = images[
                image, :, (down + np.arange(height))[:, :, None], (right + np.arange(width))[:, None]
            ]
            images = np.ascontiguousarray(windows.transpose(0, 3, 1, 2))
        if self._recipe.flip:
            mirrored = self._rng.random(len(rows)) < 0.5
            images[mirrored] = images[mirrored, :, :, ::-1]
        return images

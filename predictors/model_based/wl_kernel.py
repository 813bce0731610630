"""The Weisfeiler-Lehman optimal-assignment kernel on cells, from features in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from predictors.encodings.wl import SubtreeFeatures

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The features of the training cells, up to a number of rounds.

    Attributes:
        ids: In ascending order.
        rounds: Features of round 0 to this one count.
    """

    ids: NDArray[np.uint64]
    rounds: int

    @classmethod
    def of(cls, features: SubtreeFeatures, rounds: int) -> Vocabulary:
        """Return the vocabulary of some cells."""
        ids = features.ids[:, : rounds + 1]
        return cls(np.unique(ids.transpose(0, 2, 1)[features.present]), rounds)

    def incidence(self, features: SubtreeFeatures) -> csr_array:
        """Return which cell has which feature, scaled to what the normalised kernel needs.

        A cell is at distance 1 from the origin if the vocabulary holds all its features, else
        nearer: the product of two incidences is the kernel, which is 1 for equal cells.

        Returns:
            Shape (n, features of the vocabulary); rows sum products in one order, so equal cells
            give equal results to the last bit.
        """
        ids = features.ids[:, : self.rounds + 1].transpose(0, 2, 1)
        n, places, _ = ids.shape
        column = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        known = (self.ids[column] == ids) & features.present[:, :, None]
        of_cell = known.reshape(n, -1).sum(axis=1)
        # The kernel of architectures of several cells is the mean of the kernels of its cells.
        by_cell = (n, features.cells, places // features.cells)
        size = features.present.reshape(by_cell).sum(axis=2) * (features.cells * (self.rounds + 1))
        values = np.repeat(1.0 / np.sqrt(size.ravel()), known.reshape(*by_cell[:2], -1).sum(axis=2).ravel())
        starts = np.concatenate([[0], np.cumsum(of_cell)])
        return csr_array((values, column[known], starts), shape=(n, len(self.ids)))

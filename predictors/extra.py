"""What is known of architectures beside their encoding, for models that can take more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.spaces.base import Codes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ExtraFeatures:
    """Some numbers per architecture, such as zero-cost scores, ready for a model.

    Attributes:
        values: Standardised, shape (n, k).
        bins: The same as whole numbers from 0, for models that read tokens; shape (n, k).
        bin_counts: Number of bins of each feature; k of them.
        encoding: Whether the encoding of the cell is there as well; else these features are all that a
            model is to see.
        of_others: Returns these features of other architectures; None where they cannot be had, as
            those of learning curves.
    """

    values: Floats
    bins: NDArray[np.int64]
    bin_counts: tuple[int, ...]
    encoding: bool = True
    of_others: Callable[[Codes], ExtraFeatures] | None = None

    def take(self, rows: slice | NDArray[np.integer[Any]]) -> ExtraFeatures:
        """Return those of some of the architectures."""
        return replace(self, values=self.values[rows], bins=self.bins[rows])

    def beside(self, encoded: Floats) -> Floats:
        """Return the features before those of an encoding, shape (n, k + its features)."""
        return np.concatenate([self.values, encoded], axis=1)

    def beside_nodes(self, features: Floats, mask: NDArray[np.bool_]) -> Floats:
        """Return the features of a graph's nodes with these behind them, the same at each node.

        Args:
            features: Shape (n, nodes, classes).
            mask: Which nodes are there, shape (n, nodes); the others stay zero.
        """
        everywhere: Floats = mask[:, :, None] * self.values[:, None, :]
        return np.concatenate([features, everywhere], axis=2)

    def behind_tokens(
        self, tokens: NDArray[np.int64], possible: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return token sequences with one more position per feature, which has tokens of its own.

        Args:
            tokens: Shape (n, length).
            possible: Which tokens may be where, shape (length, vocabulary).

        Returns:
            Shapes (n, length + k) and (length + k, vocabulary + all bins); length is 0 without the
            encoding.
        """
        if not self.encoding:
            tokens, possible = tokens[:, :0], possible[:0]
        length, vocabulary = possible.shape
        ends = vocabulary + np.cumsum(self.bin_counts, dtype=np.int64)
        starts = ends - np.array(self.bin_counts, dtype=np.int64)
        wider = np.zeros((length + len(ends), ends[-1] if len(ends) else vocabulary), dtype=np.bool_)
        wider[:length, :vocabulary] = possible
        for position, (start, end) in enumerate(zip(starts, ends, strict=True), start=length):
            wider[position, start:end] = True
        return np.concatenate([tokens, self.bins + starts], axis=1), wider

"""Parameters and multiply-adds of the language models of NAS-Bench-NLP, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError, did_you_mean
from tasks.spaces.nasbench_nlp_form import ABSENT, BLEND, LINEAR, Cells, X

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Size of the language model around a cell; the defaults are those of the benchmark.

    Attributes:
        embedding: Length of the vector of a token.
        hidden: Length of a hidden state in all layers but the last one of a tied model.
        layers: Recurrent layers, each with the same cell.
        tied: 1 if the output layer uses the matrix of the embedding, so that the last layer has
            states of length ``embedding``; else 0.
    """

    embedding: int = 400
    hidden: int = 600
    layers: int = 3
    tied: int = 1

    @classmethod
    def from_mapping(cls, sizes: Mapping[str, int]) -> ModelSize:
        """Check names and values.

        Raises:
            InputError: An unknown size or a value that is not allowed.
        """
        names = cls.__slots__
        for name, value in sizes.items():
            if name not in names:
                raise InputError(f"nasbench_nlp network: unknown size {name!r}; {did_you_mean(name, names)}")
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"nasbench_nlp network: {name} is {value!r}, must be an integer")
            if name == "tied" and value not in (0, 1):
                raise InputError(f"nasbench_nlp network: tied is {value}, must be 0 or 1")
            if name != "tied" and value < 1:
                raise InputError(f"nasbench_nlp network: {name} is {value}, must be at least 1")
        return cls(**sizes)

    @property
    def widths(self) -> list[tuple[int, int]]:
        """Lengths of input and state of each layer."""
        states = [self.hidden] * self.layers
        if self.tied:
            states[-1] = self.embedding
        return list(zip([self.embedding, *states[:-1]], states, strict=True))


def network_cost(cells: Cells, vocabulary: int, size: ModelSize) -> tuple[Counts, Counts]:
    """Return trainable parameters, and multiply-adds per token, of n models; both of shape (n,).

    A linear node has a matrix for each vertex that it reads and one bias. Multiply-adds: those of
    the matrices, 1 per element of an activation, a product or a sum, 2 of a blend; biases and the
    look-up of the embedding are free.
    """
    operations, inputs = cells.operations, cells.inputs
    linear = operations == LINEAR
    from_x = (linear[:, :, None] & (inputs == X)).sum(axis=(1, 2))
    from_state = (linear[:, :, None] & (inputs != X) & (inputs != ABSENT)).sum(axis=(1, 2))
    elementwise = (cells.present & ~linear).sum(axis=1) + (operations == BLEND).sum(axis=1)
    n = len(operations)
    params = np.full(n, vocabulary * (size.embedding + 1), dtype=np.int64)
    flops = np.zeros(n, dtype=np.int64)
    for wide, state in size.widths:
        weights = (from_x * wide + from_state * state) * state
        params += weights + linear.sum(axis=1) * state
        flops += weights + elementwise * state
    last = size.widths[-1][1]
    if not size.tied:
        params += vocabulary * last
    return params, flops + vocabulary * last

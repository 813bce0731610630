"""Parameters of many models of one architecture, stacked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from predictors.device import tensor_device

if TYPE_CHECKING:
    import torch

ALIGNMENT = 64
"""Elements; each block begins at a multiple, and so does what would follow the last one.

Matrix products round otherwise where their result is not aligned in memory, and vectorised loops
where a few elements are left over at the end. Aligned, a model's numbers do not depend on how many
others are beside it.
"""

Initial = Mapping[str, NDArray[np.float64]]
"""First values of one model's parameters, by name."""


class Stack:
    """Parameters and gradients of M models: one flat buffer each, seen as one block per name.

    Attributes:
        values: Parameters by name, shape (copies, M, *shape), without the first axis if there is
            one copy only; views of ``flat``.
        gradients: Likewise, views of ``flat_gradient``.
        flat: All parameters, one dimension.
        flat_gradient: All gradients, one dimension.
        models: M.
    """

    def __init__(
        self, initial: Sequence[Initial], *, dtype: torch.dtype | None = None, device: str | None = None
    ) -> None:
        """Copy the initial values of M models.

        Args:
            initial: Per model, parameters by name, the same names and shapes in each. A name that
                ends in ``[]`` holds several layers of one shape, on its first axis; such a block
                has the layers first and the models second, so that each layer is contiguous.
            dtype: Default single precision.
            device: Where the buffers lie; default ``tensor_device``.
        """
        import torch

        self.models = len(initial)
        self.shapes = {name: value.shape for name, value in initial[0].items()}
        self._starts: dict[str, int] = {}
        padded = 0
        for name, shape in self.shapes.items():
            self._starts[name] = padded
            padded += -(-self.models * math.prod(shape) // ALIGNMENT) * ALIGNMENT
        dtype = dtype or torch.float32
        self.flat = torch.zeros(padded, dtype=dtype, device=device or tensor_device())
        self.flat_gradient = torch.zeros_like(self.flat)
        self.values: dict[str, torch.Tensor] = {}
        self.gradients: dict[str, torch.Tensor] = {}
        for name, shape in self.shapes.items():
            start = self._starts[name]
            end = start + self.models * math.prod(shape)
            full = (shape[0], self.models, *shape[1:]) if name.endswith("[]") else (self.models, *shape)
            self.values[name] = self.flat[start:end].view(full)
            self.gradients[name] = self.flat_gradient[start:end].view(full)
            stacked = np.stack([model[name] for model in initial], axis=1 if name.endswith("[]") else 0)
            self.values[name].copy_(torch.from_numpy(stacked))

    def positions(self) -> NDArray[np.int64]:
        """Return where each model's parameters lie in the flat buffers, shape (M, parameters)."""
        parts = []
        for name, shape in self.shapes.items():
            copies, size = (shape[0], math.prod(shape[1:])) if name.endswith("[]") else (1, math.prod(shape))
            within = np.arange(copies * self.models * size).reshape(copies, self.models, size)
            block = self._starts[name] + within
            parts.append(block.swapaxes(0, 1).reshape(self.models, copies * size))
        return np.concatenate(parts, axis=1)

    def owners(self) -> torch.Tensor:
        """Return the model of each entry of the flat buffers; 0 of the padding between blocks."""
        import torch

        owners = np.zeros(self.flat.numel(), dtype=np.int64)
        for index, positions in enumerate(self.positions()):
            owners[positions] = index
        return torch.from_numpy(owners).to(self.flat.device)

    def model(self, index: int) -> dict[str, NDArray[np.float64]]:
        """Return a copy of one model's parameters, as they were given."""
        return {
            name: np.array(
                (value[:, index] if name.endswith("[]") else value[index]).cpu().numpy(), dtype=np.float64
            )
            for name, value in self.values.items()
        }


def xavier_uniform(rng: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    """Draw weights of shape (..., inputs, outputs) (Glorot and Bengio, AISTATS 2010, equation 16)."""
    bound = math.sqrt(6.0 / (shape[-2] + shape[-1]))
    return rng.uniform(-bound, bound, size=shape)

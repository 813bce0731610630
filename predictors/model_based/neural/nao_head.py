"""From an architecture's vector to its score: forward and backward pass of stacked heads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from predictors.model_based.neural.nao_network import HEAD
from predictors.model_based.neural.stack import Stack

if TYPE_CHECKING:
    import torch

_HALF = math.sqrt(0.5)


class NaoHead:
    """The vector, corrected by two rectified layers, and a linear output.

    Args:
        stack: With the blocks of ``nao_network.initial_nao``.
        batch: Sequences per model.
        kept: Share that dropout keeps.

    Attributes:
        masks: Dropout masks to be drawn before ``forward``, each (M, elements).
    """

    def __init__(self, stack: Stack, batch: int, kept: float) -> None:
        self._values, self._gradients, self._kept = stack.values, stack.gradients, kept
        hidden = stack.values["output"].shape[1]
        self.masks = [stack.flat.new_zeros(stack.models, batch * width) for width in (HEAD, hidden)]
        self._views = [mask.view(stack.models, batch, -1) for mask in self.masks]

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """Return predictions (M, batch) for vectors (M, batch, hidden)."""
        import torch

        values = self._values
        down_mask, up_mask = (mask.mul_(1.0 / self._kept) for mask in self._views)
        self._vector = vector
        self._inner = torch.baddbmm(values["down_bias"], vector, values["down"]).relu_().mul_(down_mask)
        self._outer = torch.baddbmm(values["up_bias"], self._inner, values["up"]).relu_().mul_(up_mask)
        self._summed = (vector + self._outer).mul_(_HALF)
        output: torch.Tensor = (self._summed * values["output"].unsqueeze(1)).sum(2)
        return output.add_(values["output_bias"])

    def backward(self, slope: torch.Tensor) -> torch.Tensor:
        """Leave the gradients in the stack; return derivatives by the vectors.

        Args:
            slope: Derivatives by the predictions, (M, batch).
        """
        import torch

        values, gradients = self._values, self._gradients
        wide = slope.unsqueeze(2)
        torch.sum(slope, 1, keepdim=True, out=gradients["output_bias"])
        torch.sum(self._summed * wide, 1, out=gradients["output"])
        by_summed = (wide * values["output"].unsqueeze(1)).mul_(_HALF)
        # The sign of a rectified and masked unit: one where it is neither dropped nor below 0.
        by_outer = (by_summed * self._outer.sign()).mul_(1.0 / self._kept)
        torch.bmm(self._inner.transpose(1, 2), by_outer, out=gradients["up"])
        torch.sum(by_outer, 1, keepdim=True, out=gradients["up_bias"])
        by_inner = torch.bmm(by_outer, values["up"].transpose(1, 2)).mul_(self._inner.sign())
        by_inner.mul_(1.0 / self._kept)
        torch.bmm(self._vector.transpose(1, 2), by_inner, out=gradients["down"])
        torch.sum(by_inner, 1, keepdim=True, out=gradients["down_bias"])
        return by_summed.baddbmm_(by_inner, values["down"].transpose(1, 2))

"""Adam for stacked parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.stack import Stack

if TYPE_CHECKING:
    import torch

_EPSILON = 1e-8

Rate: TypeAlias = float | NDArray[np.float64]
"""A number of training that all models of a stack share, or one of each model, shape (M,)."""


class Adam:
    """Kingma and Ba, "Adam", ICLR 2015. Elementwise, so stacked models do not touch each other.

    Args:
        stack: Parameters and gradients; ``step`` reads and changes its flat buffers.
        learning_rate: Step size, of all models or of each; may be changed between steps.
        betas: Decay of the two moments.
        weight_decay: Factor of the parameters that is added to the gradient (L2 penalty), of all
            models or of each.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        learning_rate: Rate,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: Rate = 0.0,
    ) -> None:
        import torch
        from torch.optim import adam

        # The functional form, in one kernel; torch.optim.Adam adds twice its cost in bookkeeping.
        self._adam = adam.adam
        self.learning_rate = learning_rate
        self.betas = betas
        self.weight_decay = weight_decay
        self._values, self._gradients = [stack.flat], [stack.flat_gradient]
        self._mean: list[torch.Tensor] = [torch.zeros_like(stack.flat)]
        self._square: list[torch.Tensor] = [torch.zeros_like(stack.flat)]
        self._models = stack.models
        self._steps: list[torch.Tensor] = [torch.zeros((), device=stack.flat.device)]
        self._owners = None if _shared(learning_rate) and _shared(weight_decay) else stack.owners()

    def step(self) -> None:
        """Move the parameters against their gradients."""
        if self._owners is None:
            self._fused(float(self.learning_rate), float(self.weight_decay))
            return
        # The kernel knows one rate only: it moves the moments, and nothing else at a rate of 0.
        values, mean, square = self._values[0], self._mean[0], self._square[0]
        if not _shared(self.weight_decay) or self.weight_decay:
            self._gradients[0].addcmul_(values, self._spread(self.weight_decay, self._owners))
        self._fused(0.0, 0.0)
        count = float(self._steps[0])
        first, second = (1.0 - beta**count for beta in self.betas)
        deviation = square.sqrt().div_(math.sqrt(second)).add_(_EPSILON)
        size = self._spread(np.negative(self.learning_rate) / first, self._owners)
        values.add_(size.mul_(mean).div_(deviation))

    def _fused(self, rate: float, decay: float) -> None:
        self._adam(
            self._values, self._gradients, self._mean, self._square, [], self._steps,
            fused=True, amsgrad=False, maximize=False, eps=_EPSILON, lr=rate,
            beta1=self.betas[0], beta2=self.betas[1], weight_decay=decay,
        )  # fmt: skip

    def _spread(self, rate: Rate, owners: torch.Tensor) -> torch.Tensor:
        """Return the rate of each parameter in the flat buffer."""
        import torch

        rates = torch.from_numpy(np.broadcast_to(rate, self._models).copy()).to(self._values[0])
        return rates[owners]


def _shared(rate: Rate) -> bool:
    return np.ndim(rate) == 0


def cosine(start: Rate, epoch: int, epochs: int) -> Rate:
    """Return the learning rate of an epoch (0-based) that falls from ``start`` towards 0.

    Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, one cycle.
    """
    return 0.5 * start * (1.0 + math.cos(math.pi * epoch / epochs))

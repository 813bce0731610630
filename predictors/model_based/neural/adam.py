"""Adam for stacked parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from predictors.model_based.neural.stack import Stack

if TYPE_CHECKING:
    import torch


class Adam:
    """Kingma and Ba, "Adam", ICLR 2015. Elementwise, so stacked models do not touch each other.

    Args:
        stack: Parameters and gradients; ``step`` reads and changes its flat buffers.
        learning_rate: Step size; may be changed between steps.
        betas: Decay of the two moments.
        weight_decay: Factor of the parameters that is added to the gradient (L2 penalty).
    """

    def __init__(
        self,
        stack: Stack,
        *,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
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
        self._steps: list[torch.Tensor] = [torch.zeros((), device=stack.flat.device)]

    def step(self) -> None:
        """Move the parameters against their gradients."""
        self._adam(
            self._values, self._gradients, self._mean, self._square, [], self._steps,
            fused=True, amsgrad=False, maximize=False, eps=1e-8, lr=self.learning_rate,
            beta1=self.betas[0], beta2=self.betas[1], weight_decay=self.weight_decay,
        )  # fmt: skip


def cosine(start: float, epoch: int, epochs: int) -> float:
    """Return the learning rate of an epoch (0-based) that falls from ``start`` towards 0.

    Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, one cycle.
    """
    return 0.5 * start * (1.0 + math.cos(math.pi * epoch / epochs))

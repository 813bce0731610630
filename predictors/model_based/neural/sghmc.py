"""Stochastic gradient Hamiltonian Monte Carlo that adapts its step per parameter.

Springenberg, Klein, Falkner and Hutter, "Bayesian Optimization with Robust Bayesian Neural Networks",
NeurIPS 2016, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from predictors.model_based.neural.stack import Stack


class AdaptiveSghmc:
    """Samples of many models' parameters, each with noise from its own generator.

    With the gradient g of the mean loss over N rows (of the potential it is N g), step size e and
    friction a, momentum v and parameters t move by

        dv = - e^2 V^-1/2 g - a v + normal noise of variance 2 e^2 a V^-1/2 / N - (e^2 / N)^2
        dt = v

    V is a running mean of g^2, whose window adapts; it changes during burn-in only, so that later
    steps leave the posterior as it is.

    Args:
        stack: Parameters and gradients; ``step`` reads and changes its flat buffers.
        generators: Per model, for the noise.
        rows: N, training rows per model.
        step_size: e.
        friction: a.
        burn_in: Steps in which V adapts.
    """

    def __init__(
        self,
        stack: Stack,
        generators: Sequence[np.random.Generator],
        *,
        rows: int,
        step_size: float,
        friction: float,
        burn_in: int,
    ) -> None:
        import torch

        self._stack, self._generators = stack, generators
        self._rows, self._step_size, self._friction = rows, step_size, friction
        self._left = burn_in
        # Average gradient, average square and window of the averages; all begin at one.
        self._average, self._square, self._window = (torch.ones_like(stack.flat) for _ in range(3))
        self._momentum, self._noise = torch.zeros_like(stack.flat), torch.zeros_like(stack.flat)
        self._positions = torch.from_numpy(stack.positions()).reshape(-1).to(stack.flat.device)
        self._count = stack.positions().shape[1]

    def step(self) -> None:
        """Move the parameters once."""
        import torch

        gradient, average, square = self._stack.flat_gradient, self._average, self._square
        if self._left > 0:
            self._left -= 1
            rate = 1.0 / (self._window + 1.0)
            self._window += 1.0 - self._window * average * average / square
            average += rate * (gradient - average)
            square += rate * (gradient * gradient - square)
        drawn = np.concatenate([generator.standard_normal(self._count) for generator in self._generators])
        self._noise[self._positions] = torch.from_numpy(drawn).to(self._noise)
        inverse = 1.0 / (torch.sqrt(square) + 1e-16)
        squared = self._step_size**2
        scaled = squared / self._rows
        variance = (2.0 * scaled * self._friction * inverse - scaled**2).clamp_min_(0.0)
        self._momentum += (
            self._noise * torch.sqrt(variance)
            - squared * inverse * gradient
            - self._friction * self._momentum
        )
        self._stack.flat += self._momentum

"""Proxies from one forward pass over the images, and the gradient that reaches them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from predictors.zero_cost import statistics
from predictors.zero_cost.scoring import UndefinedScoreError


class PatternKernel:
    """Adds up, over all ReLUs, for each two images, the units on in both and off in both."""

    def __init__(self) -> None:
        self._kernel: Tensor | None = None

    @torch.no_grad()
    def see(self, _module: nn.Module, output: Tensor) -> None:
        """Take in the output of a ReLU, shape (images, ...)."""
        # Counts below 2^24 are exact in single precision.
        on = (output.detach() > 0).flatten(1).to(torch.float32)
        counts = on.sum(dim=1)
        both = (2.0 * (on @ on.T) - counts[:, None] - counts + on.shape[1]).double()
        self._kernel = both if self._kernel is None else self._kernel + both

    def score(self) -> float:
        """Return nwot. Raises UndefinedScoreError if it has no value."""
        if self._kernel is None:
            raise UndefinedScoreError("the network has no ReLU layers")
        return statistics.log_determinant(self._kernel.cpu().numpy())


def input_gradients(outputs: Tensor, images: Tensor, *, keep_graph: bool) -> NDArray[np.float64]:
    """Return the gradient of the sum of all outputs with respect to the pixels.

    Args:
        outputs: Shape (images, classes).
        images: What they were computed from, shape (images, ...).
        keep_graph: Whether another backward pass follows.

    Returns:
        Shape (images, pixels); zeros if nothing is connected.
    """
    if not outputs.requires_grad:
        return np.zeros((len(images), images[0].numel()))
    found: Tensor | None = torch.autograd.grad(
        outputs.sum(), images, retain_graph=keep_graph, allow_unused=True
    )[0]
    if found is None:
        return np.zeros((len(images), images[0].numel()))
    rows: NDArray[np.float64] = found.flatten(1).double().cpu().numpy()
    return rows

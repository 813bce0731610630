"""Deep narrow ReLU networks with gradients written out, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.adam import Adam
from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.stack import Initial, Stack, xavier_uniform

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MlpSettings:
    """What training needs to know besides the data.

    Attributes:
        epochs: Passes over the training set.
        batch: Rows per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam, constant.
        l1: Weight of the L1 norm of the output layer's weights in the loss.
    """

    epochs: int
    batch: int
    learning_rate: float
    l1: float


def initial_mlp(rng: np.random.Generator, features: int, depth: int, width: int) -> Initial:
    """Draw a network: ``depth`` layers of ``width`` units with Xavier-uniform weights, zero biases."""
    return {
        "first": xavier_uniform(rng, features, width),
        "first_bias": np.zeros((1, width)),
        "hidden[]": np.stack([xavier_uniform(rng, width, width) for _ in range(depth - 1)])
        if depth > 1
        else np.zeros((0, width, width)),
        "hidden_bias[]": np.zeros((depth - 1, 1, width)),
        "output": xavier_uniform(rng, width, 1)[:, 0],
        "output_bias": np.zeros(1),
    }


def predict_mlp(network: Initial, x: Floats) -> Floats:
    """Return the outputs of one network in double precision; ``x`` of shape (n, features)."""
    hidden = np.maximum(x @ network["first"] + network["first_bias"], 0.0)
    for weight, bias in zip(network["hidden[]"], network["hidden_bias[]"], strict=True):
        hidden = np.maximum(hidden @ weight + bias, 0.0)
    return np.asarray(hidden @ network["output"] + network["output_bias"])


def train_mlps(
    generators: Sequence[np.random.Generator],
    initial: Sequence[Initial],
    x: Floats,
    y: Floats,
    settings: MlpSettings,
) -> list[Initial]:
    """Train M networks on mean absolute error + L1 norm of the output weights.

    Args:
        generators: Per model, for the order of its rows.
        initial: Per model, its parameters before training.
        x: Inputs, shape (M, n, features).
        y: Targets, shape (M, n).
        settings: Of the training.

    Returns:
        Per model, its parameters after training.
    """
    import torch

    stack = Stack(initial)
    n = y.shape[1]
    rows = torch.from_numpy(x.reshape(-1, x.shape[2]).astype(np.float32))
    targets = torch.from_numpy(y.reshape(-1).astype(np.float32))
    slices = batch_slices(n, settings.batch)
    passes = {part.stop - part.start: _Pass(stack, part.stop - part.start, settings.l1) for part in slices}
    adam = Adam(stack, learning_rate=settings.learning_rate, betas=(0.9, 0.99))
    for order in epoch_orders(generators, n, settings.epochs):
        epoch_rows, epoch_targets = rows[order], targets[order]
        for part in slices:
            passes[part.stop - part.start].run(epoch_rows[:, part], epoch_targets[:, part])
            adam.step()
    return [stack.model(index) for index in range(len(initial))]


class _Pass:
    """Forward and backward for one batch size, in buffers made once."""

    def __init__(self, stack: Stack, batch: int, l1: float) -> None:
        import torch

        values, gradients = stack.values, stack.gradients
        hidden, models, width = values["hidden[]"].shape[0], stack.models, values["output"].shape[1]
        self.values, self.gradients, self.batch, self.l1 = values, gradients, batch, l1
        # Layer by layer: outputs, where they are positive, and the loss's derivatives before the ReLU.
        self.out = torch.zeros(hidden + 1, models, batch, width)
        self.active = torch.zeros_like(self.out)
        self.delta = torch.zeros_like(self.out)
        self.outs, self.actives, self.deltas = list(self.out), list(self.active), list(self.delta)
        self.layers = list(zip(values["hidden[]"], values["hidden_bias[]"], strict=True))
        self.transposed = [weight.transpose(1, 2) for weight in values["hidden[]"]]
        # All hidden layers of all models in one product, as they have one shape.
        self.inputs_flat = self.out[:-1].reshape(-1, batch, width).transpose(1, 2)
        self.deltas_flat = self.delta[1:].reshape(-1, batch, width)
        self.hidden_gradient = gradients["hidden[]"].view(-1, width, width)

    def run(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Leave the gradient of the loss on a batch in the stack; x (M, B, features), y (M, B)."""
        import torch

        values, gradients, outs, deltas = self.values, self.gradients, self.outs, self.deltas
        torch.baddbmm(values["first_bias"], x, values["first"], out=outs[0]).clamp_min_(0.0)
        for layer, (weight, bias) in enumerate(self.layers):
            torch.baddbmm(bias, outs[layer], weight, out=outs[layer + 1]).clamp_min_(0.0)
        output = values["output"].unsqueeze(1)
        predicted = (outs[-1] * output).sum(2).add_(values["output_bias"])
        slope = predicted.sub_(y).sign_().mul_(1.0 / self.batch)

        torch.gt(self.out, 0.0, out=self.active)
        wide = slope.unsqueeze(2)
        torch.mul(wide, output, out=deltas[-1]).mul_(self.actives[-1])
        for layer in range(len(self.layers), 0, -1):
            torch.bmm(deltas[layer], self.transposed[layer - 1], out=deltas[layer - 1])
            deltas[layer - 1].mul_(self.actives[layer - 1])

        torch.sum(slope, 1, keepdim=True, out=gradients["output_bias"])
        torch.sum(outs[-1] * wide, 1, out=gradients["output"])
        gradients["output"].add_(values["output"].sign(), alpha=self.l1)
        torch.bmm(x.transpose(1, 2), deltas[0], out=gradients["first"])
        torch.sum(deltas[0], 1, keepdim=True, out=gradients["first_bias"])
        if self.layers:
            torch.bmm(self.inputs_flat, self.deltas_flat, out=self.hidden_gradient)
            torch.sum(self.delta[1:], 2, keepdim=True, out=gradients["hidden_bias[]"])

"""Feed-forward networks of equal layers with gradients written out, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.adam import Adam, cosine
from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.stack import Initial, Stack, xavier_uniform

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
Activation = Literal["relu", "tanh"]
Schedule = Literal["constant", "cosine"]


@dataclass(frozen=True, slots=True)
class MlpSettings:
    """What training needs to know besides the data.

    Attributes:
        epochs: Passes over the training set.
        batch: Rows per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam.
        schedule: Whether it stays or falls to 0 along half a cosine.
        betas: Decay of Adam's two moments.
        activation: Of the hidden units.
        loss: Mean absolute or mean squared error.
        l1: Weight of the L1 norm of the output layer's weights in the loss.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: Schedule = "constant"
    betas: tuple[float, float] = (0.9, 0.999)
    activation: Activation = "relu"
    loss: Literal["absolute", "squared"] = "squared"
    l1: float = 0.0


def initial_xavier(rng: np.random.Generator, features: int, depth: int, width: int) -> Initial:
    """Draw a network: ``depth`` layers of ``width`` units with Xavier-uniform weights, zero biases."""
    return {
        "first": xavier_uniform(rng, features, width),
        "first_bias": np.zeros((1, width)),
        "hidden[]": xavier_uniform(rng, depth - 1, width, width),
        "hidden_bias[]": np.zeros((depth - 1, 1, width)),
        "output": xavier_uniform(rng, width, 1)[:, 0],
        "output_bias": np.zeros(1),
    }


def initial_fan_in(rng: np.random.Generator, features: int, depth: int, width: int) -> Initial:
    """Draw a network as torch does: weights and biases uniform within inputs^-1/2."""
    first, inner = features**-0.5, width**-0.5
    return {
        "first": rng.uniform(-first, first, size=(features, width)),
        "first_bias": rng.uniform(-first, first, size=(1, width)),
        "hidden[]": rng.uniform(-inner, inner, size=(depth - 1, width, width)),
        "hidden_bias[]": rng.uniform(-inner, inner, size=(depth - 1, 1, width)),
        "output": rng.uniform(-inner, inner, size=width),
        "output_bias": rng.uniform(-inner, inner, size=1),
    }


def last_hidden(network: Initial, x: Floats, activation: Activation) -> Floats:
    """Return the last hidden layer of one network in double precision, shape (n, width)."""
    activate = np.tanh if activation == "tanh" else lambda linear: np.maximum(linear, 0.0)
    hidden = activate(x @ network["first"] + network["first_bias"])
    for weight, bias in zip(network["hidden[]"], network["hidden_bias[]"], strict=True):
        hidden = activate(hidden @ weight + bias)
    return np.asarray(hidden)


def predict_mlp(network: Initial, x: Floats, activation: Activation = "relu") -> Floats:
    """Return the outputs of one network in double precision; ``x`` of shape (n, features)."""
    return np.asarray(last_hidden(network, x, activation) @ network["output"] + network["output_bias"])


def train_mlps(
    generators: Sequence[np.random.Generator],
    initial: Sequence[Initial],
    x: Floats,
    y: Floats,
    settings: MlpSettings,
) -> list[Initial]:
    """Train M networks on an error of the output + L1 norm of the output weights.

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
    passes = {size: _Pass(stack, size, settings) for size in {part.stop - part.start for part in slices}}
    adam = Adam(stack, learning_rate=settings.learning_rate, betas=settings.betas)
    for epoch, order in enumerate(epoch_orders(generators, n, settings.epochs)):
        if settings.schedule == "cosine":
            adam.learning_rate = cosine(settings.learning_rate, epoch, settings.epochs)
        epoch_rows, epoch_targets = rows[order], targets[order]
        for part in slices:
            passes[part.stop - part.start].run(epoch_rows[:, part], epoch_targets[:, part])
            adam.step()
    return [stack.model(index) for index in range(len(initial))]


class _Pass:
    """Forward and backward for one batch size, in buffers made once."""

    def __init__(self, stack: Stack, batch: int, settings: MlpSettings) -> None:
        import torch

        values, gradients = stack.values, stack.gradients
        hidden, models, width = values["hidden[]"].shape[0], stack.models, values["output"].shape[1]
        self.values, self.gradients, self.batch, self.settings = values, gradients, batch, settings
        # Layer by layer: outputs, their derivatives, and the loss's derivatives by what is activated.
        self.out = torch.zeros(hidden + 1, models, batch, width)
        self.slope = torch.zeros_like(self.out)
        self.delta = torch.zeros_like(self.out)
        self.outs, self.slopes, self.deltas = list(self.out), list(self.slope), list(self.delta)
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
        tanh = self.settings.activation == "tanh"
        activate = torch.Tensor.tanh_ if tanh else torch.Tensor.relu_
        activate(torch.baddbmm(values["first_bias"], x, values["first"], out=outs[0]))
        for layer, (weight, bias) in enumerate(self.layers):
            activate(torch.baddbmm(bias, outs[layer], weight, out=outs[layer + 1]))
        output = values["output"].unsqueeze(1)
        error = (outs[-1] * output).sum(2).add_(values["output_bias"]).sub_(y)
        if self.settings.loss == "absolute":
            error.sign_().mul_(1.0 / self.batch)
        else:
            error.mul_(2.0 / self.batch)

        if tanh:
            torch.mul(self.out, self.out, out=self.slope).neg_().add_(1.0)
        else:
            # The sign of what is rectified: one where it was positive.
            torch.sign(self.out, out=self.slope)
        wide = error.unsqueeze(2)
        torch.mul(wide, output, out=deltas[-1]).mul_(self.slopes[-1])
        for layer in range(len(self.layers), 0, -1):
            torch.bmm(deltas[layer], self.transposed[layer - 1], out=deltas[layer - 1])
            deltas[layer - 1].mul_(self.slopes[layer - 1])

        torch.sum(error, 1, keepdim=True, out=gradients["output_bias"])
        torch.sum(outs[-1] * wide, 1, out=gradients["output"])
        if self.settings.l1:
            gradients["output"].add_(values["output"].sign(), alpha=self.settings.l1)
        torch.bmm(x.transpose(1, 2), deltas[0], out=gradients["first"])
        torch.sum(deltas[0], 1, keepdim=True, out=gradients["first_bias"])
        if self.layers:
            torch.bmm(self.inputs_flat, self.deltas_flat, out=self.hidden_gradient)
            torch.sum(self.delta[1:], 2, keepdim=True, out=gradients["hidden_bias[]"])

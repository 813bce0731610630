"""Feed-forward networks of equal layers with gradients written out, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.adam import Adam, Rate, cosine
from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.mlp_pass import Activation, MlpPass
from predictors.model_based.neural.stack import Initial, Stack, xavier_uniform

Floats = NDArray[np.float64]
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
    learning_rate: Rate
    schedule: Schedule = "constant"
    betas: tuple[float, float] = (0.9, 0.999)
    activation: Activation = "relu"
    loss: Literal["absolute", "squared"] = "squared"
    l1: Rate = 0.0


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
    rows = torch.from_numpy(x.reshape(-1, x.shape[2])).to(stack.flat)
    targets = torch.from_numpy(y.reshape(-1)).to(stack.flat)
    slices = batch_slices(n, settings.batch)
    sizes = {part.stop - part.start for part in slices}
    passes = {size: MlpPass(stack, size, settings.activation) for size in sizes}
    adam = Adam(stack, learning_rate=settings.learning_rate, betas=settings.betas)
    penalty = None
    if isinstance(settings.l1, np.ndarray):
        penalty = torch.from_numpy(settings.l1[:, None]).to(stack.flat)
    for epoch, order in enumerate(epoch_orders(generators, n, settings.epochs)):
        if settings.schedule == "cosine":
            adam.learning_rate = cosine(settings.learning_rate, epoch, settings.epochs)
        # A table of rows is copied row by row, and read element by element with an index in brackets.
        epoch_rows = torch.index_select(rows, 0, order.flatten()).view(*order.shape, -1)
        epoch_targets = targets[order]
        for part in slices:
            x_batch = epoch_rows[:, part]
            one = passes[part.stop - part.start]
            error = one.forward(x_batch).sub_(epoch_targets[:, part])
            if settings.loss == "absolute":
                error.sign_().mul_(1.0 / one.batch)
            else:
                error.mul_(2.0 / one.batch)
            one.backward(x_batch, error)
            if penalty is not None:
                stack.gradients["output"].addcmul_(stack.values["output"].sign(), penalty)
            elif settings.l1:
                stack.gradients["output"].add_(stack.values["output"].sign(), alpha=float(settings.l1))
            adam.step()
    return [stack.model(index) for index in range(len(initial))]

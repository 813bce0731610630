"""Training of stacked encoders, predictors and decoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.adam import Adam
from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.dropout import Dropout
from predictors.model_based.neural.nao_pass import NaoPass
from predictors.model_based.neural.stack import Initial, Stack
from predictors.model_based.neural.token_pairs import TokenPairs, Tokens

Floats = NDArray[np.float64]

MAX_NORM = 5.0
"""Longer gradients are shortened to this."""


@dataclass(frozen=True, slots=True)
class NaoSettings:
    """What training needs to know besides the data.

    Attributes:
        epochs: Passes over the training set.
        batch: Sequences per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam.
        weight_decay: L2 penalty, added to the gradient.
        dropout: Share that is dropped.
        trade_off: Weight of the squared error; the rest is that of the reconstruction.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    trade_off: float


def train_naos(
    generators: Sequence[np.random.Generator],
    initial: Sequence[Initial],
    tokens: Tokens,
    possible: NDArray[np.bool_],
    y: Floats,
    weight: Floats,
    settings: NaoSettings,
) -> list[Initial]:
    """Train M networks.

    Args:
        generators: Per model, for the order of its sequences and for dropout.
        initial: Per model, its parameters before training.
        tokens: Shape (M, n, length).
        possible: Tokens that may be at each position, (length, vocabulary).
        y: Targets, shape (M, n).
        weight: Of the sequences in the loss, positive, shape (M, n); their mean per model has no effect.
        settings: Of the training.

    Returns:
        Per model, its parameters after training.
    """
    import torch

    stack = Stack(initial)
    n = y.shape[1]
    device = stack.flat.device
    pairs = TokenPairs(tokens, possible, device=device)
    shifted = TokenPairs(*shifted_tokens(tokens, possible), device=device)
    relative = weight / weight.mean(axis=1, keepdims=True)
    targets, weights = (torch.from_numpy(rows.reshape(-1)).to(stack.flat) for rows in (y, relative))
    slices = batch_slices(n, settings.batch)
    dropout = Dropout(settings.dropout)
    passes = {
        size: NaoPass(stack, pairs, shifted, size, dropout.kept)
        for size in {part.stop - part.start for part in slices}
    }
    adam = Adam(stack, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)
    for order in epoch_orders(generators, n, settings.epochs):
        for part in slices:
            size = part.stop - part.start
            one, rows = passes[size], order[:, part]
            for mask in one.masks:
                dropout.draw(generators, mask)
            one.run(torch.flatten(rows), targets[rows], weights[rows] / size, settings.trade_off)
            clip(stack, MAX_NORM)
            adam.step()
    return [stack.model(index) for index in range(len(initial))]


def clip(stack: Stack, limit: float) -> None:
    """Shorten the gradient of each model to at most ``limit``."""
    squares = stack.flat.new_zeros(stack.models)
    for name, block in stack.gradients.items():
        by_model = block.transpose(0, 1) if name.endswith("[]") else block
        squares += (by_model * by_model).reshape(stack.models, -1).sum(1)
    factors = (limit / (squares.sqrt() + 1e-6)).clamp_max_(1.0)
    # A product with ones changes nothing; to ask for the values is what takes a GPU longer.
    if factors.device.type != "cpu" or bool((factors < 1.0).any()):
        for name, block in stack.gradients.items():
            lead = 1 if name.endswith("[]") else 0
            block.mul_(factors.view(*[1] * lead, -1, *[1] * (block.dim() - lead - 1)))


def shifted_tokens(tokens: Tokens, possible: NDArray[np.bool_]) -> tuple[Tokens, NDArray[np.bool_]]:
    """Return what the decoder reads: 0 at the start, then each token one step later."""
    later, choices = np.zeros_like(tokens), np.zeros_like(possible)
    later[..., 1:], choices[1:] = tokens[..., :-1], possible[:-1]
    choices[0, 0] = True
    return later, choices

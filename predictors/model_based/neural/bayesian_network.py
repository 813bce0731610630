"""Tanh networks with a free noise variance, sampled from their posterior, many at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.mlp_pass import MlpPass
from predictors.model_based.neural.sghmc import AdaptiveSghmc
from predictors.model_based.neural.stack import Initial, Stack

Floats = NDArray[np.float64]

_LOG_VARIANCE = math.log(1e-6), 0.01
"""Mean and variance of the normal prior on the log noise variance."""


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How to sample.

    Attributes:
        steps: Steps in all, burn-in included.
        burn_in: Steps before any network is kept.
        keep_every: Steps between kept networks.
        batch: Rows per step; the last batch of an epoch may have fewer.
        step_size: Of the sampler.
        friction: Of the sampler.
    """

    steps: int
    burn_in: int
    keep_every: int
    batch: int
    step_size: float
    friction: float


def initial_bayesian(rng: np.random.Generator, features: int, depth: int, width: int) -> Initial:
    """Draw a network: normal weights of variance 1 / inputs, zero biases, noise variance 0.01."""
    return {
        "first": rng.normal(scale=features**-0.5, size=(features, width)),
        "first_bias": np.zeros((1, width)),
        "hidden[]": rng.normal(scale=width**-0.5, size=(depth - 1, width, width)),
        "hidden_bias[]": np.zeros((depth - 1, 1, width)),
        "output": rng.normal(scale=width**-0.5, size=width),
        "output_bias": np.zeros(1),
        "log_variance": np.full(1, math.log(0.01)),
    }


def sample_networks(
    generators: Sequence[np.random.Generator],
    initial: Sequence[Initial],
    x: Floats,
    y: Floats,
    settings: SamplerSettings,
) -> list[list[Initial]]:
    """Sample from the posterior of M networks, in double precision.

    The loss is the mean of (y - f)^2 / (2 s) + ln(s) / 2 over a batch, plus negative log priors / n:
    weights N(0, 1), their log density divided by their number; ln s N(ln 1e-6, 0.01).

    Args:
        generators: Per model, for the order of its rows and the noise.
        initial: Per model, its parameters at the start.
        x: Inputs, shape (M, n, features).
        y: Targets, shape (M, n).
        settings: Of the sampler.

    Returns:
        Per model, the kept networks.
    """
    import torch

    stack = Stack(initial, dtype=torch.float64)
    models, n = y.shape
    rows = torch.from_numpy(x.reshape(-1, x.shape[2])).to(stack.flat)
    targets = torch.from_numpy(y.reshape(-1)).to(stack.flat)
    slices = batch_slices(n, settings.batch)
    passes = {size: MlpPass(stack, size, "tanh") for size in {part.stop - part.start for part in slices}}
    sampler = AdaptiveSghmc(
        stack,
        generators,
        rows=n,
        step_size=settings.step_size,
        friction=settings.friction,
        burn_in=settings.burn_in,
    )
    weights = stack.positions().shape[1] - 1
    log_variance, its_gradient = stack.values["log_variance"], stack.gradients["log_variance"]
    kept: list[list[Initial]] = [[] for _ in range(models)]
    step = 0
    for order in epoch_orders(generators, n, -(-settings.steps // len(slices))):
        for part in slices[: settings.steps - step]:
            one = passes[part.stop - part.start]
            x_batch = rows[order[:, part]]
            residual = one.forward(x_batch).sub_(targets[order[:, part]])
            precision = torch.exp(-log_variance)
            one.backward(x_batch, residual * (precision / one.batch))
            stack.flat_gradient.add_(stack.flat, alpha=1.0 / (weights * n))
            mean, variance = _LOG_VARIANCE
            misfit = (residual * residual).sum(1, keepdim=True) * (precision / one.batch)
            its_gradient.copy_(0.5 - 0.5 * misfit + (log_variance - mean) / (variance * n))
            sampler.step()
            step += 1
            if step > settings.burn_in and (step - settings.burn_in) % settings.keep_every == 0:
                for index in range(models):
                    kept[index].append(stack.model(index))
    return kept

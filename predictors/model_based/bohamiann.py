"""Bayesian neural network sampled by stochastic gradient Hamiltonian Monte Carlo.

Springenberg, Klein, Falkner and Hutter, "Bayesian Optimization with Robust Bayesian Neural Networks"
(BOHAMIANN), NeurIPS 2016.

Difference from NASLib (through pybnn): after burn-in the network of every fifth step is kept, 18 of 90
steps; there steps count from zero and 17 are kept, one step later each. Its 100 steps, 10 of them
burn-in, are the default so that results compare; they are far from the posterior. ``steps=13000,
burn_in=3000, keep_every=100`` is what the authors' library does by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np

from predictors.base import PredictorInfo
from predictors.model_based.encoded import Encoding
from predictors.model_based.neural.bayesian_network import (
    SamplerSettings,
    initial_bayesian,
    sample_networks,
)
from predictors.model_based.neural.mlp_network import predict_mlp
from predictors.model_based.neural.regressor import Floats, Inputs, StackedRegressor
from predictors.model_based.neural.stack import Initial
from predictors.observations import Observations
from predictors.parameters import Range
from tasks.errors import InputError


class Bohamiann(StackedRegressor[list[Initial]]):
    """Mean over sampled tanh networks; the noise variance is a parameter of each of them.

    Args:
        encoding: Encoding of the architectures.
        depth: Hidden layers.
        width: Units per hidden layer.
        steps: Steps of the sampler, burn-in included.
        burn_in: Steps before any network is kept, in which step sizes adapt.
        keep_every: Steps between kept networks; at least one network is kept.
        batch: Architectures per step; the last batch of an epoch may have fewer.
        step_size: Of the sampler.
        friction: Of the sampler: share of the momentum lost per step.
        seed: Seed of initial weights, batches and noise.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        depth: Annotated[int, Range(1, 100)] = 2,
        width: Annotated[int, Range(1, 1000)] = 50,
        steps: Annotated[int, Range(1, 10_000_000)] = 100,
        burn_in: Annotated[int, Range(0, 10_000_000)] = 10,
        keep_every: Annotated[int, Range(1, 1_000_000)] = 5,
        batch: Annotated[int, Range(1, 100_000)] = 20,
        step_size: Annotated[float, Range(1e-9, 1)] = 0.01,
        friction: Annotated[float, Range(1e-6, 1)] = 0.05,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.depth = depth
        self.width = width
        self.steps = steps
        self.burn_in = burn_in
        self.keep_every = keep_every
        self.batch = batch
        self.step_size = step_size
        self.friction = friction
        self.seed = seed

    @classmethod
    def info_with(cls, info: PredictorInfo, params: Mapping[str, Any]) -> PredictorInfo:
        """As for every predictor; refuses a sampler that keeps no network."""
        cls(**params)._check_steps()
        return info

    def _check_training(self, train: Observations) -> None:
        super()._check_training(train)
        self._check_steps()

    def _check_steps(self) -> None:
        if self.steps < self.burn_in + self.keep_every:
            raise InputError(
                f"{type(self).__name__}: steps is {self.steps}, which leaves no network to keep; must be at "
                f"least burn_in + keep_every = {self.burn_in + self.keep_every}"
            )

    def _inputs(self, observations: Observations) -> Inputs:
        return {"x": observations.encode(self.encoding)}

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[list[Initial]]:
        one, x = members[0], inputs["x"]
        streams = [member._generator() for member in members]
        return sample_networks(
            streams,
            [initial_bayesian(stream, x.shape[2], one.depth, one.width) for stream in streams],
            x,
            targets,
            SamplerSettings(one.steps, one.burn_in, one.keep_every, one.batch, one.step_size, one.friction),
        )

    def _predict_model(
        self, model: list[Initial], inputs: Inputs, *, spread: bool
    ) -> tuple[Floats, Floats | None]:
        outputs = np.stack([predict_mlp(network, inputs["x"], "tanh") for network in model])
        if not spread:
            return outputs.mean(axis=0), None
        noise = np.mean([np.exp(network["log_variance"]) for network in model])
        return outputs.mean(axis=0), np.sqrt(outputs.var(axis=0) + noise)

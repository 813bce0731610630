"""Deep networks for global optimisation: Bayesian linear regression on a learned basis.

Snoek et al., "Scalable Bayesian Optimization Using Deep Neural Networks", ICML 2015.

Differences from NASLib (through pybnn 0.0.5). Corrections, as in ``bayes_lin_reg``: squared norms in
the evidence, the logarithm of the prior density, and the noise precision used as a precision. And the
two precisions are integrated out on a grid, from one singular value decomposition, where NASLib
averages 20 samples of an ensemble Markov chain: what the samples estimate, in a hundredth of the time.

A difference in training: 100 epochs in which the learning rate falls to 0 in place of 500 with a
constant one, which ends wherever the last steps happened to lead. Published: ``epochs=500,
schedule="constant"``; docs/predictors.md compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from predictors.model_based.bayes_lin_reg import Evidence
from predictors.model_based.encoded import Encoding
from predictors.model_based.evidence_grid import Mixture, integrate
from predictors.model_based.neural.mlp_network import (
    MlpSettings,
    Schedule,
    initial_fan_in,
    last_hidden,
    train_mlps,
)
from predictors.model_based.neural.regressor import Floats, Inputs, StackedRegressor
from predictors.model_based.neural.stack import Initial
from predictors.observations import Observations
from predictors.parameters import Range


@dataclass(frozen=True, slots=True)
class DngoState:
    """What prediction needs.

    Attributes:
        network: Trained parameters; the last hidden layer is the basis.
        regression: On that basis, precisions integrated out.
    """

    network: Initial
    regression: Mixture


class Dngo(StackedRegressor[DngoState]):
    """A tanh network trained on squared error, its output replaced by Bayesian linear regression.

    Args:
        encoding: Encoding of the architectures.
        depth: Hidden layers.
        width: Units per hidden layer; those of the last one are the basis.
        epochs: Passes over the training set.
        batch: Architectures per step of Adam; the last batch of an epoch may have fewer.
        learning_rate: Of Adam.
        schedule: Whether the learning rate stays or falls to 0 along half a cosine.
        seed: Seed of initial weights and batches.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        depth: Annotated[int, Range(1, 100)] = 3,
        width: Annotated[int, Range(1, 1000)] = 50,
        epochs: Annotated[int, Range(1, 100_000)] = 100,
        batch: Annotated[int, Range(1, 100_000)] = 10,
        learning_rate: Annotated[float, Range(1e-6, 1)] = 0.01,
        schedule: Schedule = "cosine",
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.depth = depth
        self.width = width
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.seed = seed

    def _inputs(self, observations: Observations) -> Inputs:
        return {"x": observations.encode(self.encoding)}

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[DngoState]:
        one, x = members[0], inputs["x"]
        streams = [member._generator() for member in members]
        networks = train_mlps(
            streams,
            [initial_fan_in(stream, x.shape[2], one.depth, one.width) for stream in streams],
            x,
            targets,
            MlpSettings(one.epochs, one.batch, one.learning_rate, one.schedule, activation="tanh"),
        )
        states = []
        for network, rows, z in zip(networks, x, targets, strict=True):
            states.append(DngoState(network, integrate(Evidence(last_hidden(network, rows, "tanh"), z))))
        return states

    def _predict_model(
        self, model: DngoState, inputs: Inputs, *, spread: bool
    ) -> tuple[Floats, Floats | None]:
        mean, deviation = model.regression.predict(last_hidden(model.network, inputs["x"], "tanh"))
        return mean, deviation if spread else None

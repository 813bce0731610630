"""Graph convolutional network.

Wen et al., "Neural Predictor for Neural Architecture Search", ECCV 2020: four directed graph
convolutions, mean over the vertices, two linear layers.

Differences from NASLib, corrections: gradients are zeroed before each step (there they pile up over
all epochs), the hidden width is that of the setting, the last partial batch is kept, and A + I and its
transpose are normalised separately.

A difference in training, for speed. Each convolution averages neighbours and two rectified directions,
which makes what distinguishes two cells about 2.5 times smaller; weights start larger by that factor,
and the four layers then learn with a 30 times larger learning rate in a tenth of the epochs. Small
training sets get as many steps as 100 architectures. Published: ``gain=1, learning_rate=1e-4,
epochs=300, min_steps=0, batch=7``; docs/predictors.md compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import numpy as np

from predictors.encodings.shared import GRAPHS
from predictors.model_based.neural.batches import epochs_for
from predictors.model_based.neural.gcn_network import (
    GcnSettings,
    initial_gcn,
    predict_gcn,
    propagation,
    train_gcns,
)
from predictors.model_based.neural.regressor import Floats, Inputs, StackedRegressor
from predictors.model_based.neural.stack import Initial
from predictors.observations import Observations
from predictors.parameters import Range, Search


class Gcn(StackedRegressor[Initial]):
    """Neural predictor on the graph of the cell.

    Args:
        hidden: Units per graph convolution.
        epochs: Passes over the training set.
        min_steps: Steps of Adam at least: small training sets get more epochs.
        batch: Architectures per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam at the start; falls to 0 along half a cosine.
        weight_decay: L2 penalty.
        dropout: Share of the activations dropped in training.
        gain: Factor of the initial weights of the convolutions (Xavier uniform).
        seed: Seed of initial weights, batches and dropout.
    """

    stack_size: ClassVar[int] = 4
    per_model: ClassVar[frozenset[str]] = frozenset({"learning_rate", "weight_decay"})

    def __init__(
        self,
        *,
        hidden: Annotated[int, Range(1, 4096), Search(64, 200, log=True)] = 144,
        epochs: Annotated[int, Range(1, 100_000)] = 30,
        min_steps: Annotated[int, Range(0, 1_000_000)] = 300,
        batch: Annotated[int, Range(1, 100_000), Search(5, 32, log=True)] = 10,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(1e-5, 0.1, log=True)] = 0.003,
        weight_decay: Annotated[float, Range(0, 1), Search(1e-5, 0.1, log=True)] = 0.0003,
        dropout: Annotated[float, Range(0, 0.9)] = 0.1,
        gain: Annotated[float, Range(0.01, 100)] = 2.5,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.min_steps = min_steps
        self.batch = batch
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.gain = gain
        self.seed = seed

    @property
    def encodings(self) -> tuple[str, ...]:
        """Graphs."""
        return (GRAPHS,)

    def _inputs(self, observations: Observations) -> Inputs:
        graphs, extra = observations.cell_graphs(), observations.extra
        features = graphs.features
        return {
            "spread": propagation(graphs.adjacency.astype(np.float64)),
            "features": features if extra is None else extra.beside_nodes(features, graphs.mask),
            "share": 1.0 / graphs.mask.sum(axis=1),
        }

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[Initial]:
        one, n = members[0], targets.shape[1]
        streams = [member._generator() for member in members]
        features = inputs["features"].shape[3]
        epochs = epochs_for(n, one.batch, epochs=one.epochs, min_steps=one.min_steps)
        rate, decay = (cls._rate(members, name) for name in ("learning_rate", "weight_decay"))
        settings = GcnSettings(epochs, one.batch, rate, decay, one.dropout)
        return train_gcns(
            streams,
            [initial_gcn(stream, features, one.hidden, one.gain) for stream in streams],
            (inputs["spread"], inputs["features"], inputs["share"]),
            targets,
            settings,
        )

    def _predict_model(self, model: Initial, inputs: Inputs, *, spread: bool) -> tuple[Floats, Floats | None]:
        del spread
        return predict_gcn(model, inputs["spread"], inputs["features"], inputs["share"]), None

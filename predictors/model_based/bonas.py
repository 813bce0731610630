"""Graph convolutional network with a global node.

Shi et al., "Bridging the Gap between Sample-based and One-shot Neural Architecture Search with BONAS",
NeurIPS 2020, section 3.1.

Differences from NASLib, corrections: gradients are zeroed before each step (there they pile up over
all epochs); batch normalisation uses its running statistics at query time, leaves out vertices that a
smaller cell does not have, and never sees a batch of one cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np

from predictors.encodings.shared import GLOBAL_NODE, GRAPHS
from predictors.model_based.neural.bonas_network import (
    BonasSettings,
    initial_bonas,
    predict_bonas,
    train_bonas,
)
from predictors.model_based.neural.regressor import Floats, Inputs, StackedRegressor
from predictors.model_based.neural.stack import Initial
from predictors.observations import Observations
from predictors.parameters import Range, Search


class Bonas(StackedRegressor[Initial]):
    """The embedding of a node that hears every vertex of the cell, and a linear output.

    Args:
        hidden: Units per graph convolution.
        aggregate: Whether a vertex hears the sum or the mean of its predecessors and itself.
        epochs: Passes over the training set.
        batch: Architectures per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam at the start; falls to 0 along half a cosine.
        seed: Seed of initial weights and batches.
    """

    stack_size: ClassVar[int] = 8
    per_model: ClassVar[frozenset[str]] = frozenset({"learning_rate"})

    def __init__(
        self,
        *,
        hidden: Annotated[int, Range(1, 4096), Search(16, 128, log=True)] = 64,
        aggregate: Literal["sum", "mean"] = "sum",
        epochs: Annotated[int, Range(1, 100_000)] = 100,
        batch: Annotated[int, Range(2, 100_000), Search(32, 256, log=True)] = 128,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(1e-5, 0.1, log=True)] = 0.0001,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.aggregate = aggregate
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.seed = seed

    @property
    def encodings(self) -> tuple[str, ...]:
        """Graphs."""
        return (GRAPHS, GLOBAL_NODE)

    def _inputs(self, observations: Observations) -> Inputs:
        graphs = observations.cell_graphs().with_global_node()
        hears = graphs.adjacency.transpose(0, 2, 1).astype(np.float64)
        if self.aggregate == "mean":
            hears /= np.maximum(hears.sum(axis=2, keepdims=True), 1.0)
        features, extra = graphs.features, observations.extra
        if extra is not None:
            features = extra.beside_nodes(features, graphs.mask)
        return {"spread": hears, "features": features, "there": graphs.mask.astype(np.float64)}

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[Initial]:
        one = members[0]
        streams = [member._generator() for member in members]
        features = inputs["features"].shape[3]
        return train_bonas(
            streams,
            [initial_bonas(stream, features, one.hidden) for stream in streams],
            (inputs["spread"], inputs["features"], inputs["there"]),
            targets,
            BonasSettings(one.epochs, one.batch, cls._rate(members, "learning_rate")),
        )

    def _predict_model(self, model: Initial, inputs: Inputs, *, spread: bool) -> tuple[Floats, Floats | None]:
        del spread
        return predict_bonas(model, inputs["spread"], inputs["features"]), None

"""Feed-forward network on an encoding.

White, Neiswanger and Savani, "BANANAS: Bayesian Optimization with Neural Architectures for Neural
Architecture Search", AAAI 2021, section 4: 20 layers of 20 units, mean absolute error.

Differences from NASLib, the code of White et al., "How Powerful are Performance Predictors in NAS?",
NeurIPS 2021: none in method. The output starts at zero and so has to travel to the accuracies, as
there; ``targets="standardised"`` spares it the way. Without normalisation so deep a network trains
badly on fewer than about 50 architectures. Searches draw the learning rate log-uniformly from [.0001, .1];
the study states the five values .0001, .001, .005, .01 and .1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np

from predictors.model_based.encoded import Encoding
from predictors.model_based.neural.mlp_network import (
    MlpSettings,
    initial_xavier,
    predict_mlp,
    train_mlps,
)
from predictors.model_based.neural.regressor import Floats, Inputs, StackedRegressor
from predictors.model_based.neural.stack import Initial
from predictors.observations import Observations
from predictors.parameters import Range, Search

Scale = Literal["percent", "standardised"]


class MlpEnsemble(StackedRegressor[list[Initial]]):
    """Mean of networks that differ in their start and the order of their batches.

    The attributes are the arguments of its subclasses.
    """

    per_model: ClassVar[frozenset[str]] = frozenset({"learning_rate", "l1"})

    encoding: Encoding
    targets: Scale
    depth: int
    width: int
    epochs: int
    batch: int
    learning_rate: float
    l1: float

    @property
    def _networks(self) -> int:
        return 1

    @property
    def _standardised(self) -> bool:
        return self.targets == "standardised"

    def _inputs(self, observations: Observations) -> Inputs:
        return {"x": observations.encode(self.encoding)}

    @classmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[list[Initial]]:
        one = members[0]
        count = one._networks
        streams = [member._generator(str(k)) for member in members for k in range(count)]
        features = inputs["x"].shape[2]
        rate, l1 = (cls._rate(members, name, repeats=count) for name in ("learning_rate", "l1"))
        trained = train_mlps(
            streams,
            [initial_xavier(stream, features, one.depth, one.width) for stream in streams],
            np.repeat(inputs["x"], count, axis=0),
            np.repeat(targets, count, axis=0),
            MlpSettings(one.epochs, one.batch, rate, betas=(0.9, 0.99), loss="absolute", l1=l1),
        )
        return [trained[start : start + count] for start in range(0, len(trained), count)]

    def _predict_model(
        self, model: list[Initial], inputs: Inputs, *, spread: bool
    ) -> tuple[Floats, Floats | None]:
        outputs = np.stack([predict_mlp(network, inputs["x"]) for network in model])
        several = spread and len(model) > 1
        return outputs.mean(axis=0), outputs.std(axis=0, ddof=1) if several else None


class Mlp(MlpEnsemble):
    """One network.

    Args:
        encoding: Encoding of the architectures.
        targets: Scale of the targets that the network learns.
        depth: Layers of rectified units.
        width: Units per layer.
        epochs: Passes over the training set.
        batch: Architectures per step of Adam; the last batch of an epoch may have fewer.
        learning_rate: Of Adam.
        l1: Weight of the L1 norm of the output layer in the loss.
        seed: Seed of initial weights and batches.
    """

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        targets: Scale = "percent",
        depth: Annotated[int, Range(1, 100), Search(5, 24)] = 20,
        width: Annotated[int, Range(1, 1000), Search(5, 24)] = 20,
        epochs: Annotated[int, Range(1, 100_000)] = 500,
        batch: Annotated[int, Range(1, 100_000)] = 32,
        learning_rate: Annotated[float, Range(1e-6, 1), Search(1e-4, 0.1, log=True)] = 0.001,
        l1: Annotated[float, Range(0, 1000)] = 0.2,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.targets = targets
        self.depth = depth
        self.width = width
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.l1 = l1
        self.seed = seed

"""Ensemble of feed-forward networks on the path encoding.

White, Neiswanger and Savani, "BANANAS: Bayesian Optimization with Neural Architectures for Neural
Architecture Search", AAAI 2021, sections 3 and 4.

Differences from NASLib, each a correction: the path encoding of NAS-Bench-201 reads its edges in the
order in which they are stored (there two of them are mixed up, so that paths are encoded which do not
exist), and the members have different seeds. The range that searches draw the learning rate from is that of
``mlp``, which says what the study states.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from predictors.model_based.encoded import Encoding
from predictors.model_based.mlp import MlpEnsemble, Scale
from predictors.parameters import Range, Search


class Bananas(MlpEnsemble):
    """Mean of several networks; their spread is the uncertainty.

    Args:
        encoding: Encoding of the architectures.
        members: Networks.
        targets: Scale of the targets that the networks learn.
        depth: Layers of rectified units.
        width: Units per layer.
        epochs: Passes over the training set.
        batch: Architectures per step of Adam; the last batch of an epoch may have fewer.
        learning_rate: Of Adam.
        l1: Weight of the L1 norm of the output layer in the loss.
        seed: Seed of initial weights and batches.
    """

    stack_size: ClassVar[int] = 8

    def __init__(
        self,
        *,
        encoding: Encoding = "path",
        members: Annotated[int, Range(2, 1000)] = 3,
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
        self.members = members
        self.targets = targets
        self.depth = depth
        self.width = width
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.l1 = l1
        self.seed = seed

    @property
    def _networks(self) -> int:
        return self.members

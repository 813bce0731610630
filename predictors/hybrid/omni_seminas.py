"""OMNI-SemiNAS: tokens for a zero-cost proxy and the training loss behind those of the cell.

White et al., "How Powerful are Performance Predictors in Neural Architecture Search?", NeurIPS 2021,
section 4 and its appendix. With a training loss there are no pseudo-labels: nothing was trained but the
labelled architectures.

Differences from NASLib: bins are quantiles of the training architectures, for the proxy, too; there
their edges stand in the code, made from 100 other architectures with other images, which costs as much
time again and is counted nowhere. Each feature has one position with a token per bin, in place of as
many positions as bins with a zero or one each: the same information in shorter sequences. An undefined
proxy has a token of its own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from predictors.base import Predictor
from predictors.hybrid.composed import ComposedPredictor
from predictors.model_based.seminas import SemiNas
from predictors.parameters import Range


class OmniSemiNas(ComposedPredictor):
    """The model of ``seminas`` on cell, Jacobian covariance and last training loss.

    Args:
        hidden: Units of embeddings and LSTMs.
        epochs: Passes over the training set, in each of the two trainings.
        min_steps: Steps of Adam at least, in each.
        learning_rate: Of Adam.
        batch: Images of the mini-batch on which the proxy scores a network.
        images: Where they come from, as for the proxies.
        replicate: Number of the random initialisation and mini-batch of the networks.
        channels: ``channels`` of the networks; None for those of the space.
        cells: ``cells`` of the networks; None for those of the space.
        seed: Seed of the model.
    """

    features: ClassVar[tuple[str, ...]] = ("encoding", "jacov", "sotle")

    def __init__(
        self,
        *,
        hidden: Annotated[int, Range(1, 1024)] = 64,
        epochs: Annotated[int, Range(1, 100_000)] = 50,
        min_steps: Annotated[int, Range(0, 1_000_000)] = 0,
        learning_rate: Annotated[float, Range(1e-6, 1)] = 0.001,
        batch: Annotated[int, Range(2, 65_536)] = 32,
        images: str = "auto",
        replicate: Annotated[int, Range(0, 1_000_000)] = 0,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.min_steps = min_steps
        self.learning_rate = learning_rate
        self.batch = batch
        self.images = images
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed

    @property
    def _features(self) -> tuple[str, ...]:
        return self.features

    def _new_model(self) -> Predictor:
        return SemiNas(
            hidden=self.hidden,
            epochs=self.epochs,
            min_steps=self.min_steps,
            learning_rate=self.learning_rate,
            seed=self.seed,
        )


class OmniSemiNasWithoutCurves(OmniSemiNas):
    """The model of ``seminas``, pseudo-labels included, on cell and Jacobian covariance."""

    features: ClassVar[tuple[str, ...]] = ("encoding", "jacov")

"""OMNI-NGB: encoding, a zero-cost proxy and training loss into NGBoost, and its ablations.

White et al., "How Powerful are Performance Predictors in Neural Architecture Search?", NeurIPS 2021,
section 4 and its appendix. Differences from NASLib, corrections: the training loss is standardised with
the training architectures' mean and deviation instead of the query's own; the direction of the
likelihood by which hyperparameters are chosen does not depend on the version of ngboost; the loss is a
feature of curves of one or two epochs, too; an undefined proxy has a value below the others.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from predictors.base import Predictor
from predictors.hybrid.composed import ComposedPredictor
from predictors.hybrid.tuned_ngb import TunedNGBoost
from predictors.model_based.encoded import Encoding
from predictors.parameters import Range


class _OmniNGB(ComposedPredictor):
    """Whatever the features are."""

    features: ClassVar[tuple[str, ...]]

    encoding: Encoding = "adjacency"
    configs: int
    stages: int

    @property
    def _features(self) -> tuple[str, ...]:
        return self.features

    def _new_model(self) -> Predictor:
        return TunedNGBoost(encoding=self.encoding, configs=self.configs, stages=self.stages, seed=self.seed)


class OmniNGB(_OmniNGB):
    """NGBoost on encoding, Jacobian covariance and last training loss.

    Args:
        encoding: Encoding of the architectures.
        configs: Random configurations tried, by the likelihood of 3 held-out folds.
        stages: Stages of boosting at most.
        batch: Images of the mini-batch on which the proxy scores a network.
        images: Where they come from, as for the proxies.
        replicate: Number of the random initialisation and mini-batch of the networks.
        channels: ``channels`` of the networks; None for those of the space.
        cells: ``cells`` of the networks; None for those of the space.
        seed: Seed of search, folds and models.
    """

    features: ClassVar[tuple[str, ...]] = ("encoding", "jacov", "sotle")

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        configs: Annotated[int, Range(1, 5000)] = 35,
        stages: Annotated[int, Range(4, 100_000)] = 512,
        batch: Annotated[int, Range(2, 65_536)] = 32,
        images: str = "auto",
        replicate: Annotated[int, Range(0, 1_000_000)] = 0,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.configs = configs
        self.stages = stages
        self.batch = batch
        self.images = images
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed


class OmniNGBWithoutCurves(OmniNGB):
    """NGBoost on encoding and Jacobian covariance; hyperparameters as ``OmniNGB``."""

    features: ClassVar[tuple[str, ...]] = ("encoding", "jacov")


class OmniNGBWithoutEncoding(_OmniNGB):
    """NGBoost on Jacobian covariance and last training loss; hyperparameters as ``OmniNGB``."""

    features: ClassVar[tuple[str, ...]] = ("jacov", "sotle")

    def __init__(
        self,
        *,
        configs: Annotated[int, Range(1, 5000)] = 35,
        stages: Annotated[int, Range(4, 100_000)] = 512,
        batch: Annotated[int, Range(2, 65_536)] = 32,
        images: str = "auto",
        replicate: Annotated[int, Range(0, 1_000_000)] = 0,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.configs = configs
        self.stages = stages
        self.batch = batch
        self.images = images
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed


class OmniNGBWithoutProxies(_OmniNGB):
    """NGBoost on encoding and last training loss; hyperparameters as ``OmniNGB``."""

    features: ClassVar[tuple[str, ...]] = ("encoding", "sotle")

    def __init__(
        self,
        *,
        encoding: Encoding = "adjacency",
        configs: Annotated[int, Range(1, 5000)] = 35,
        stages: Annotated[int, Range(4, 100_000)] = 512,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.configs = configs
        self.stages = stages
        self.seed = seed

"""The zero-cost proxies as predictors."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.observations import Observations
from predictors.parameters import Range
from predictors.zero_cost.score_archs import score_archs
from predictors.zero_cost.scoring import Proxy, Setting


class ZeroCostProxy(Predictor):
    """A score of the untrained network; nothing is learned, labelled architectures are not looked at.

    The sign is the published one, whatever the correlation on a space turns out to be. An architecture
    without a score gets NaN, and ``undefined_`` says why. ``query_seconds_`` are those of building and
    scoring each network, also if the score was stored before.

    Args:
        batch: Images of the mini-batch (32 as in NAS-Bench-Suite-Zero; Krishnakumar et al., NeurIPS 2022).
        images: Where they come from: ``auto``, ``noise``, ``digits`` or a path; see
            ``zero_cost.images.load_images``.
        replicate: Number of the random initialisation and mini-batch. It is no trial number: all trials of
            a study share the scores of one replicate. List a predictor with several replicates for their
            spread.
        channels: ``channels`` of the networks; None for those of the space.
        cells: ``cells`` of the networks; None for those of the space.
        seed: Without effect.
    """

    proxy: ClassVar[Proxy]

    def __init__(
        self,
        *,
        batch: Annotated[int, Range(2, 65_536)] = 32,
        images: str = "auto",
        replicate: Annotated[int, Range(0, 1_000_000)] = 0,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.batch = batch
        self.images = images
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed

    @property
    def is_fitted(self) -> bool:
        """Always true."""
        return True

    @property
    def proxies(self) -> tuple[tuple[Setting, Proxy], ...]:
        """Itself."""
        return ((self._setting, self.proxy),)

    @property
    def _setting(self) -> Setting:
        sizes = {"channels": self.channels, "cells": self.cells}
        return Setting(
            batch=self.batch,
            images=self.images,
            replicate=self.replicate,
            size={name: value for name, value in sizes.items() if value is not None},
        )

    def _fit(self, train: Observations) -> None:
        del train

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        scores = [found for (found,) in score_archs(query, [self.proxy], self._setting)]
        self.query_seconds_ = np.array([score.seconds for score in scores], dtype=np.float64)
        self.undefined_ = tuple(score.reason for score in scores)
        return np.array(
            [np.nan if score.value is None else score.value for score in scores], dtype=np.float64
        )


class Fisher(ZeroCostProxy):
    """Fisher information of the channels, weighted by their number of weights."""

    proxy = "fisher"


class GradNorm(ZeroCostProxy):
    """Sum over the layers of the norm of the loss gradient."""

    proxy = "grad_norm"


class GraSP(ZeroCostProxy):
    """Weights times Hessian times gradient, with a minus sign: preservation of the gradient flow."""

    proxy = "grasp"


class JacobianCovariance(ZeroCostProxy):
    """How different the input gradients of the images are."""

    proxy = "jacov"


class SNIP(ZeroCostProxy):
    """Sum of abs(weight times gradient): sensitivity to the removal of connections."""

    proxy = "snip"


class SynFlow(ZeroCostProxy):
    """Logarithm of the synaptic flow; needs no images."""

    proxy = "synflow"


class NWOT(ZeroCostProxy):
    """Log-determinant of the kernel of activation patterns (NAS without training)."""

    proxy = "nwot"


class Zen(ZeroCostProxy):
    """Zen score: sensitivity of the features to noise, with Gaussian weights."""

    proxy = "zen"


class EPENAS(ZeroCostProxy):
    """Correlations of the input gradients within the classes."""

    proxy = "epe_nas"


class Plain(ZeroCostProxy):
    """Sum of weight times gradient, signed."""

    proxy = "plain"


class L2Norm(ZeroCostProxy):
    """Sum over the layers of the norm of the initial weights: the size in disguise."""

    proxy = "l2_norm"

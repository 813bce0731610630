"""Parameters and multiply-adds as scores: the baselines that any other predictor has to beat.

White et al., "A Deeper Look at Zero-Cost Proxies for Lightweight NAS", ICLR 2022 blog track, and
Krishnakumar et al., "NAS-Bench-Suite-Zero", NeurIPS 2022, show how strong they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.observations import Observations


class _Count(Predictor):
    """A count of the network; nothing is learned, labelled architectures are not looked at.

    Args:
        seed: Without effect.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    @property
    def is_fitted(self) -> bool:
        """Always true."""
        return True

    def _fit(self, train: Observations) -> None:
        del train


class ParameterCount(_Count):
    """Number of trainable parameters: larger networks are taken to be better."""

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        params, _ = query.space.count(query.codes, query.dataset)
        return np.asarray(params, dtype=np.float64)


class FlopCount(_Count):
    """Number of multiply-adds of one inference: networks that compute more are taken to be better."""

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        _, flops = query.space.count(query.codes, query.dataset)
        return np.asarray(flops, dtype=np.float64)

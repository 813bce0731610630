"""A predictor of one's own, in one file. See docs/add-a-predictor.md.

naspred check examples/nearest.py
naspred run --plugin examples/nearest.py
"""

from typing import Annotated

import numpy as np

from predictors.base import Predictor, PredictorInfo
from predictors.observations import Observations
from predictors.parameters import Range, Search


class NearestNeighbours(Predictor):
    """Mean accuracy of the most similar training architectures, the more similar the heavier."""

    info = PredictorInfo(
        name="nearest",
        target="nearest:NearestNeighbours",
        family="model_based",
        needs=frozenset({"labels"}),
        percent=True,
        deterministic=True,
        summary="k nearest neighbours on the adjacency encoding",
    )

    def __init__(self, *, k: Annotated[int, Range(1, 1000), Search(1, 20)] = 5, seed: int = 0) -> None:
        self.k = k
        self.seed = seed

    def _fit(self, train: Observations) -> None:
        self.x_ = train.encode("adjacency")
        self.y_ = train.targets.copy()

    def _predict(self, query: Observations) -> np.ndarray:
        distance = np.abs(query.encode("adjacency")[:, None] - self.x_).sum(2)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : self.k]
        weight = 1.0 / (1.0 + np.take_along_axis(distance, nearest, axis=1))
        lowest = self.y_.min()  # a difference of equal labels is exactly 0
        return lowest + (weight * (self.y_[nearest] - lowest)).sum(1) / weight.sum(1)

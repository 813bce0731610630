"""Resident predictors that write down in which process and on which devices they are asked."""

import os
import time
from pathlib import Path

import numpy as np

from predictors.base import Predictor, PredictorInfo


def _info(name, num_gpus):
    return PredictorInfo(
        name=name,
        target=f"placed:{name}",
        family="baseline",
        needs=frozenset({"counts"}),
        resident=True,
        num_gpus=num_gpus,
        cost_s=30.0,
    )


class PlacedOnGpu(Predictor):
    """Scores by the last operation.

    Args:
        log: File that gets a line per call: process and device numbers.
        seed: Without effect.
    """

    info = _info("placed_on_gpu", 0.25)

    def __init__(self, *, log: str = "", seed: int = 0) -> None:
        self.log = log
        self.seed = seed

    @property
    def is_fitted(self):
        return True

    def _fit(self, train):
        pass

    def _predict(self, query):
        import ray

        with Path(self.log).open("a") as file:
            file.write(f"{os.getpid()} {ray.get_gpu_ids()}\n")
        time.sleep(0.2)
        return query.codes.astype(np.float64) @ (10.0 ** np.arange(query.codes.shape[1]))


class PlacedOnCpu(PlacedOnGpu):
    """The same without a share of a GPU."""

    info = _info("placed_on_cpu", 0.0)

import numpy as np
import pytest

from predictors.observations import Observations
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201


@pytest.fixture
def observe():
    """Return made-up observations of n cells: accuracies are linear in the operations, plus noise."""
    space, dataset = NasBench201(), DatasetInfo("made-up")

    def make(n, seed=0, noise=0.5):
        codes = space.sample(np.random.default_rng(seed), n)
        rng = np.random.default_rng(99)
        x = Observations(space, dataset, codes).encode("adjacency")
        targets = 80 + x @ rng.normal(size=30) + noise * np.random.default_rng(seed + 1).normal(size=n)
        return Observations(space, dataset, codes, targets)

    return make

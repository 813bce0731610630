import numpy as np
import pytest

from predictors import registry
from predictors.observations import Observations
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201


def test_scores_are_the_counts_of_the_space():
    space, dataset = NasBench201(), DatasetInfo("cifar10", 10, 32)
    codes = space.sample(np.random.default_rng(0), 20)
    params, flops = space.count(codes, dataset)
    query = Observations(space, dataset, codes)
    assert np.array_equal(registry.create("params", {}, seed=1).predict(query), params)
    assert np.array_equal(registry.create("flops", {}, seed=1).predict(query), flops)


def test_space_that_cannot_count_is_refused():
    space = NasBench201()
    query = Observations(space, DatasetInfo("own"), space.all_codes()[:3])
    with pytest.raises(InputError):
        registry.create("flops", {}, seed=0).predict(query)


@pytest.mark.parametrize("name", ["params", "flops"])
def test_needs_no_labels_and_has_no_hyperparameters(name):
    assert registry.get_info(name).experiment == "single"
    assert registry.get_info(name).resident
    with pytest.raises(InputError, match=rf"predictor {name}: unknown parameter 'encoding'"):
        registry.create(name, {"encoding": "path"}, seed=0)

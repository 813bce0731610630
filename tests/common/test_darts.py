"""Every predictor that learns from labels or counts runs on DARTS, with one check instead of all."""

import pytest
from common.test_predictors import QUICK

from predictors import checks, registry
from predictors.checks.general import check_output
from tasks.spaces.base import DatasetInfo
from tasks.spaces.darts import Darts

SPACE, CIFAR10 = Darts(), DatasetInfo("cifar10", 10, 32)
NAMES = [
    info.name
    for info in registry.all_infos()
    # Composed predictors with zero-cost scores need images, too; they have tests of their own.
    if info.needs & {"labels", "counts"} and "images" not in info.needs
]


@pytest.mark.parametrize("name", NAMES)
def test_scores_on_darts(name):
    case = checks.make_case(name, SPACE, CIFAR10, params=QUICK.get(name), n_train=12, n_query=10)
    check_output(case)


def test_all_of_them_run_on_it():
    assert {"rf", "gpwl", "gcn", "bonas", "bananas", "params", "flops"} <= set(NAMES)
    assert len(NAMES) >= 17
    infos = [registry.get_info(name) for name in NAMES]
    assert all(info.spaces is None or "darts" in info.spaces for info in infos)

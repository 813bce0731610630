"""Every predictor that learns from labels or counts runs on DARTS, most with one check instead of all."""

import pytest
from common.test_predictors import FOR_LABELS, QUICK

from predictors import checks, registry
from predictors.checks.general import check_output
from predictors.checks.labels import check_direction, check_parameters_matter
from tasks.spaces.base import DatasetInfo
from tasks.spaces.darts import Darts

SPACE, CIFAR10 = Darts(), DatasetInfo("cifar10", 10, 32)
NAMES = [
    info.name
    for info in registry.all_infos()
    # Composed predictors with zero-cost scores need images, too; they have tests of their own.
    if info.needs & {"labels", "counts"} and "images" not in info.needs
]


# One for each way to read a pair of cells: encoding, graph network, token sequence. Only ranking takes
# a model that has learned for a while.
LEARNERS = {
    "rf": QUICK["rf"],
    "gcn": {"hidden": 32, "epochs": 5, "min_steps": 120},
    "nao": {"hidden": 8, "epochs": 1, "min_steps": 1, "batch": 24},
}
RANKING = {"nao": {"hidden": 16, "epochs": 30, "min_steps": 30, "batch": 24, "learning_rate": 0.05}}
# Hyperparameters work in the same way on every space.
CHECKS = [check for check in checks.LABEL_CHECKS if check is not check_parameters_matter]
PAIRS = [(name, check) for name in LEARNERS for check in CHECKS]


@pytest.mark.parametrize("name", [*NAMES, "valacc", "lce"])
def test_scores_on_darts(name):
    params = {"small_leaves": True} if name == "lgb" else QUICK.get(name)  # else it cannot split so few
    case = checks.make_case(name, SPACE, CIFAR10, params=params, n_train=12, n_query=10)
    check_output(case)


@pytest.mark.parametrize(("name", "check"), PAIRS)
def test_learns_from_pairs_of_cells(name, check):
    params = RANKING.get(name, LEARNERS[name]) if check is check_direction else LEARNERS[name]
    check(checks.make_case(name, SPACE, CIFAR10, params=params, n_query=10))


def test_number_of_checks():
    assert len(PAIRS) == 3 * (FOR_LABELS - 1)


def test_all_of_them_run_on_it():
    assert {"rf", "gpwl", "gcn", "bonas", "bananas", "lcsvr", "params", "flops"} <= set(NAMES)
    assert len(NAMES) >= 17
    infos = [registry.get_info(name) for name in NAMES]
    assert all(info.spaces is None or "darts" in info.spaces for info in infos)

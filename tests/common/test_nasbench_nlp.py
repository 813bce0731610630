"""Predictors on NAS-Bench-NLP: one for every way to read a cell; who cannot run says why."""

import numpy as np
import pytest
from common.test_predictors import FOR_LABELS, QUICK

from predictors import checks, registry
from predictors.checks.general import check_output
from predictors.checks.labels import (
    check_direction,
    check_fit_many,
    check_no_numerical_warnings,
    check_parameters_matter,
    check_refit,
)
from tasks.benchmarks.table import BenchmarkTable
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench_nlp import NasBenchNlp

SPACE, TEXT = NasBenchNlp(), DatasetInfo("text", 50)
INFOS = [info for info in registry.all_infos() if info.needs <= {"labels", "counts"}]
CODES = SPACE.sample(np.random.default_rng(0), 5)
TABLE = BenchmarkTable(
    space=SPACE,
    dataset=TEXT,
    codes=CODES,
    canonical_ids=np.arange(5),
    val_acc=np.linspace(95.0, 98.0, 5),
    train_time_s=np.ones(5),
    fingerprint="0",
)
WITHOUT = {"bananas", "bonas"}


# Encoding, graph network, token sequence. Only ranking takes a model that has learned for a while.
LEARNERS = {
    "rf": QUICK["rf"],
    "gcn": {"hidden": 32, "epochs": 5, "min_steps": 120},
    "nao": {"hidden": 8, "epochs": 1, "min_steps": 1, "batch": 24},
}
RANKING = {"nao": {"hidden": 16, "epochs": 30, "min_steps": 30, "batch": 24, "learning_rate": 0.02}}
# Hyperparameters work in the same way on every space. Sequences of 24 vertices are long: what fits them
# most often is left to the spaces of test_predictors.py.
LEFT_OUT = {"nao": {check_fit_many, check_no_numerical_warnings, check_refit}}
PAIRS = [
    (name, check)
    for name in LEARNERS
    for check in checks.LABEL_CHECKS
    if check not in {check_parameters_matter} | LEFT_OUT.get(name, set())
]


# Encoding, graph network, subtrees, token sequence, curves, counts. The others read the same encoding as rf.
@pytest.mark.parametrize(
    "name", ["rf", "mlp", "gcn", "gpwl", "nao", "valacc", "lce", "lcsvr", "params", "flops"]
)
def test_scores_on_recurrent_cells(name):
    case = checks.make_case(name, SPACE, TEXT, params=QUICK.get(name), n_train=12, n_query=10)
    check_output(case)


@pytest.mark.parametrize(("name", "check"), PAIRS)
def test_learns_from_recurrent_cells(name, check):
    params = RANKING.get(name, LEARNERS[name]) if check is check_direction else LEARNERS[name]
    n_train = 12 if name in LEFT_OUT else 24
    check(checks.make_case(name, SPACE, TEXT, params=params, n_train=n_train, n_query=10))


def test_number_of_checks():
    assert len(PAIRS) == 3 * (FOR_LABELS - 1) - 3


def test_who_is_available():
    answers = {info.name: registry.availability(info, TABLE) for info in INFOS}
    assert {name for name, (runs, _) in answers.items() if not runs} == WITHOUT
    assert answers["bananas"][1] == ("needs the encoding 'path', which cells of nasbench_nlp do not have")
    assert "a global node" in answers["bonas"][1]
    assert {"rf", "gpwl", "gcn", "mlp", "params", "flops"} <= set(answers)


def test_another_encoding_makes_it_available():
    info = registry.get_info("bananas")
    assert registry.availability(info, TABLE, {"encoding": "adjacency"}) == (True, "")

"""Predictors on NAS-Bench-NLP: one for every way to read a cell; who cannot run says why."""

import numpy as np
import pytest
from common.test_predictors import QUICK

from predictors import checks, registry
from predictors.checks.general import check_output
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


# Encoding, graph network, subtrees, token sequence, counts. The others read the same encoding as rf.
@pytest.mark.parametrize("name", ["rf", "mlp", "gcn", "gpwl", "nao", "params", "flops"])
def test_scores_on_recurrent_cells(name):
    case = checks.make_case(name, SPACE, TEXT, params=QUICK.get(name), n_train=12, n_query=10)
    check_output(case)


def test_who_is_available():
    answers = {info.name: registry.availability(info, TABLE) for info in INFOS}
    assert {name for name, (runs, _) in answers.items() if not runs} == WITHOUT
    assert answers["bananas"][1] == ("needs the encoding 'path', which cells of nasbench_nlp do not have")
    assert "a global node" in answers["bonas"][1]
    assert {"rf", "gpwl", "gcn", "mlp", "params", "flops"} <= set(answers)


def test_another_encoding_makes_it_available():
    info = registry.get_info("bananas")
    assert registry.availability(info, TABLE, {"encoding": "adjacency"}) == (True, "")

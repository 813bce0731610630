from dataclasses import replace

import pandas as pd
import pytest

from pipeline.cost import CostModel
from predictors.base import PredictorInfo
from tasks.task import Task

INFO = PredictorInfo("p", "x:X", "baseline", frozenset({"labels"}), cost_s=2.0)


def task(size, params="{}"):
    return Task("p", params, 1, "s", "d", "f", "vary_train_size", size, None, 0, "uniform", 20)


def test_the_prior_is_that_of_100_architectures():
    cost = CostModel({"p": INFO})
    assert cost.estimate(task(100)) == 2.0
    assert cost.estimate(task(10)) < 2.0 < cost.estimate(task(1000))
    assert not cost.is_measured(task(100))


def test_what_was_measured_replaces_the_prior():
    cost = CostModel({"p": INFO})
    cost.observe(task(100), 0.1)
    assert cost.estimate(task(100)) == 0.1
    assert cost.estimate(task(10)) < 0.1 < cost.estimate(task(1000))
    assert cost.is_measured(task(7))
    assert cost.estimate(task(100, '{"a":1}')) == 2.0


def test_a_slow_first_call_is_soon_forgotten():
    cost = CostModel({"p": INFO})
    for seconds in [5.0] + [0.1] * 15:
        cost.observe(task(100), seconds)
    assert cost.estimate(task(100)) == pytest.approx(0.1, rel=0.3)


def test_stored_rows_teach_medians_of_successes():
    rows = pd.DataFrame(
        {
            "predictor": "p",
            "params": "{}",
            "train_size": [100, 100, 100, 100, None],
            "status": ["ok", "ok", "ok", "error", "ok"],
            "fit_cpu_s": [0.1, 0.2, 9.0, 50.0, None],
            "predict_cpu_s": [0.0, 0.1, 0.0, None, 0.02],
        }
    )
    cost = CostModel({"p": INFO})
    cost.learn(rows)
    assert cost.estimate(task(100)) == pytest.approx(0.3)
    assert cost.estimate(task(None)) == pytest.approx(0.02)


def test_growth_is_that_of_the_predictor():
    infos = {
        name: PredictorInfo(name, "x:X", "baseline", frozenset({"labels"}), cost_s=1.0, cost_growth=growth)
        for name, growth in (("constant", 0.0), ("linear", 1.0), ("square", 2.0))
    }
    cost = CostModel(infos)

    def seconds(name, size):
        return cost.estimate(replace(task(size), predictor=name))

    assert seconds("constant", 5) == seconds("constant", 1000) == 1.0
    assert seconds("linear", 1000) == pytest.approx(10, rel=0.25)
    assert seconds("square", 1000) == pytest.approx(100, rel=0.45)
    # What was measured at one size says what another one takes.
    cost.observe(replace(task(100), predictor="linear"), 3.0)
    assert seconds("linear", 1000) == pytest.approx(30, rel=0.25)


def test_a_search_costs_its_fits():
    cost, search = CostModel({"p": INFO}), '{{"hpo":{{"configs":{},"folds":3,"max_time_s":{}}}}}'
    # 25 configurations x 3 folds, each on two thirds of the architectures, and the last fit.
    assert cost.estimate(task(100, search.format(25, "null"))) == pytest.approx(2.0 * 51)
    assert cost.estimate(task(100, search.format(4, "null"))) == pytest.approx(2.0 * 9)
    # Two folds at 8 architectures, none below.
    assert cost.estimate(task(8, search.format(4, "null"))) == pytest.approx(5 * cost.estimate(task(8)))
    assert cost.estimate(task(7, search.format(4, "null"))) == cost.estimate(task(7))
    # No configuration is begun after the limit.
    assert cost.estimate(task(100, search.format(25, "10.0"))) == pytest.approx(2.0 + 10.0 + 4.0)
    assert cost.estimate(task(100, search.format(25, "1e6"))) == pytest.approx(2.0 * 51)


def test_a_measured_search_is_not_multiplied():
    cost, params = CostModel({"p": INFO}), '{"hpo":{"configs":25,"folds":3,"max_time_s":null}}'
    cost.observe(task(100), 0.1)
    assert cost.estimate(task(100, params)) == pytest.approx(2.0 * 51)
    cost.observe(task(100, params), 4.0)
    assert cost.estimate(task(100, params)) == 4.0

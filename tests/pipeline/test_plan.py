import json
from collections import Counter
from dataclasses import replace

import pytest

from pipeline.commands.run import show_plan
from pipeline.plan import make_plan
from pipeline.study import Study
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.task import Task


def study(**changes):
    fields = {
        "name": "s",
        "tasks": ["nasbench201/made-up"],
        "predictors": ["rf", "params"],
        "train_sizes": [5, 20],
        "trials": 3,
        "test_size": 50,
    }
    return Study(**(fields | changes))


def plan_of(table, **changes):
    return make_plan(study(**changes), {table.name: table})


def test_each_predictor_is_swept_along_what_it_uses(small_table):
    plan = plan_of(small_table)
    assert Counter((task.predictor, task.train_size) for task in plan.tasks) == {
        ("rf", 5): 3,
        ("rf", 20): 3,
        ("params", None): 3,
    }
    assert {task.experiment for task in plan.tasks} == {"vary_train_size", "single"}
    assert not plan.skipped


def test_keys_are_distinct_and_repeat(small_table):
    first, again = (plan_of(small_table).tasks for _ in range(2))
    keys = [task.key for task in first]
    assert len(set(keys)) == len(keys)
    assert keys == [task.key for task in again]


def test_equal_settings_have_equal_keys_however_they_are_written(small_table):
    def keys(params):
        tasks = plan_of(small_table, predictors=[{"name": "rf", "params": params}]).tasks
        return {task.key for task in tasks}

    assert keys({}) == keys({"encoding": "adjacency"})
    assert keys({}) != keys({"encoding": "path"})


def test_anything_that_changes_a_result_changes_the_key(small_table):
    task = plan_of(small_table).tasks[0]
    fields = {name: getattr(task, name) for name in Task.__slots__}
    changed = {
        "predictor": "xgb",
        "params": '{"x":1}',
        "version": 99,
        "space": "s",
        "dataset": "d",
        "fingerprint": "f",
        "train_size": 7,
        "epochs": 3,
        "seed": 1234,
        "sampling": "mutation",
        "n_test": 51,
        "images": "i",
    }
    keys = {Task(**(fields | {name: value})).key for name, value in changed.items()}
    assert len(keys | {task.key}) == len(changed) + 1


def test_the_study_name_and_its_other_contents_do_not(small_table):
    keys = {task.key for task in plan_of(small_table).tasks}
    assert {task.key for task in plan_of(small_table, name="other", task_timeout_s=5.0).tasks} == keys
    more = {task.key for task in plan_of(small_table, train_sizes=[5, 10, 20], trials=4).tasks}
    assert keys < more


def test_a_training_size_that_does_not_fit_is_skipped_with_the_reason(small_table):
    plan = plan_of(small_table, train_sizes=[5, 5000])
    assert Counter(task.train_size for task, _ in plan.skipped) == {5000: 3}
    assert "5000 training and 50 test architectures asked for" in plan.skipped[0][1]


def test_a_test_set_that_does_not_fit_is_refused(small_table):
    with pytest.raises(InputError, match="test_size: 5000 test architectures asked for"):
        plan_of(small_table, test_size=5000)


def test_without_a_test_size_a_small_table_gives_a_third(small_table):
    sizes = {task.n_test for task in plan_of(small_table, test_size=None).tasks}
    assert len(sizes) == 1
    assert 100 < sizes.pop() < 200


@pytest.mark.parametrize(
    ("predictors", "expected"),
    [
        (["nonsense"], "unknown predictor 'nonsense'"),
        ([{"name": "rf", "params": {"n_trees": 3}}], "n_trees"),
        ([{"name": "rf", "params": {"encoding": "wrong"}}], "wrong"),
        ([{"name": "bohamiann", "params": {"steps": 14}}], "bohamiann: .* leaves no network to keep"),
    ],
)
def test_wrong_predictors_are_refused_before_anything_runs(small_table, predictors, expected):
    with pytest.raises(InputError, match=expected):
        plan_of(small_table, predictors=predictors)


def test_a_search_is_part_of_the_key_and_refused_without_ranges(small_table):
    def keys(entry):
        return {task.key for task in plan_of(small_table, predictors=[entry]).tasks}

    assert keys({"name": "rf"}) != keys({"name": "rf", "hpo": 5}) != keys({"name": "rf", "hpo": 6})
    with pytest.raises(InputError, match="bayes_lin_reg has no ranges to search in"):
        keys({"name": "bayes_lin_reg", "hpo": 5})


def test_proxies_score_the_networks_that_a_table_was_built_with(small_table):
    recipe = {"space": "nasbench201", "channels": 8, "cells": 1}
    digits = replace(small_table, dataset=DatasetInfo("digits", 55, 8, 1), build={"recipe": recipe})
    fields = {"predictors": ["snip", {"name": "jacov", "params": {"cells": 2}}, "params"], "trials": 1}
    plan = make_plan(study(tasks=[digits.name], **fields), {digits.name: digits})
    assert [task.params for task in plan.tasks] == [
        '{"cells":1,"channels":8}', '{"cells":2,"channels":8}', "{}",
    ]  # fmt: skip
    plain = replace(digits, build={})
    plan = make_plan(study(tasks=[digits.name], **fields), {digits.name: plain})
    assert [task.params for task in plan.tasks] == ["{}", '{"cells":2}', "{}"]


def test_images_of_a_recipe_that_are_gone_are_named(small_table):
    recipe = {"space": "nasbench201", "dataset": "no/such/images.npz"}
    plan = plan_of(replace(small_table, build={"recipe": recipe}), predictors=["snip"], trials=1)
    assert plan.tasks == []
    assert "no/such/images.npz" in plan.skipped[0][1]


def test_what_a_plan_shows_is_a_line_for_each_variant_of_a_predictor(capsys):
    entries = [{"name": "rf"}, {"name": "rf", "hpo": 25}, {"name": "params"}]
    shown = study(predictors=entries, tasks=["nasbench201/cifar10"], train_sizes=[100])
    assert show_plan(shown, None, None, json=True) == 0
    lines = json.loads(capsys.readouterr().out)["predictors"]
    searched = 'rf hpo={"configs": 25, "folds": 3, "max_time_s": null}'
    assert set(lines) == {"rf", searched, "params"}
    assert lines[searched]["tasks"] == lines["rf"]["tasks"]
    assert lines[searched]["cpu_s"] == pytest.approx(51 * lines["rf"]["cpu_s"])
    assert show_plan(shown, None, None) == 0
    assert searched in " ".join(capsys.readouterr().out.split())

"""The studies whose results are in the documentation."""

from pathlib import Path

from pipeline.plan import make_plan
from pipeline.study import load_study
from pipeline.tables import load_tables

RESULTS = Path(__file__).parents[1] / "docs" / "results"


def test_the_model_based_study_is_the_published_grid():
    study = load_study(RESULTS / "model-based-nasbench201.yaml")
    assert len({entry.name for entry in study.predictors}) == 16
    assert not any(entry.params or entry.hpo for entry in study.predictors)
    assert study.train_sizes == [5, 8, 14, 24, 42, 71, 121, 205, 347, 589, 1000]
    assert len(study.tasks) * len(study.predictors) * len(study.train_sizes) * study.trials == 52_800


def test_all_tasks_of_the_study_of_31_predictors_can_run_here():
    study = load_study(RESULTS / "paper31-nasbench201-digits.yaml")
    plan = make_plan(study, load_tables(study.tasks))
    assert len({entry.name for entry in study.predictors}) == 33  # with the two counts
    assert (len(plan.tasks), len(plan.skipped)) == (435, 0)

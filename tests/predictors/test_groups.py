"""The group of the published study: 31 predictors, each of them registered, in the published families."""

from collections import Counter

from predictors import registry
from predictors.catalog import BUILTIN
from predictors.groups import GROUPS, PAPER31, expand


def test_the_published_predictors_by_family():
    assert len(set(PAPER31)) == len(PAPER31) == 31
    assert Counter(registry.get_info(name).family for name in PAPER31) == {
        "model_based": 16,
        "zero_cost": 6,
        "learning_curve": 6,
        "hybrid": 1,
        "weight_sharing": 2,
    }


def test_groups_and_predictors_have_different_names():
    assert not set(GROUPS) & {info.name for info in BUILTIN}


def test_a_name_that_is_no_group_stands_for_itself():
    assert expand("paper31") == PAPER31
    assert expand("rf") == ("rf",)
    assert expand("no_such_name") == ("no_such_name",)

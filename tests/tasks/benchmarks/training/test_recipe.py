"""Recipes: digests, and errors that name the field."""

import json

import pytest

from tasks.benchmarks.training.recipe import Recipe
from tasks.errors import InputError


def test_mapping_round_trip_through_json():
    recipe = Recipe(space="nasbench201", lr=0.2, flip=True)
    again = Recipe.from_mapping(json.loads(json.dumps(recipe.to_mapping())), "a.yaml")
    assert again == recipe
    assert again.digest == recipe.digest


def test_digest_knows_every_field():
    base = Recipe(space="nasbench201").to_mapping()
    digests = {Recipe(**{**base, name: _other(name, value)}).digest for name, value in base.items()}
    assert len(digests | {Recipe(**base).digest}) == len(base) + 1


def _other(name, value):
    if name == "schedule":
        return "constant"
    if isinstance(value, bool):
        return not value
    return (
        value + "x"
        if isinstance(value, str)
        else value / 2 + 0.001
        if isinstance(value, float)
        else value + 1
    )


def test_integers_are_numbers():
    assert Recipe(space="s", lr=1).digest == Recipe(space="s", lr=1.0).digest


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epoch": 3}, "b.yaml: unknown field 'epoch' of a recipe; did you mean 'epochs'"),
        ({"epochs": 0}, "b.yaml: epochs is 0, must be an integer from 1"),
        ({"epochs": True}, "epochs is True"),
        ({"epochs": 2.0}, "epochs is 2.0"),
        ({"lr": "fast"}, "lr is 'fast', must be a number"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"schedule": "step"}, "schedule is 'step', must be one of cosine, constant"),
        ({"flip": 1}, "flip is 1, must be true or false"),
        ({"dataset": ""}, "dataset is ''"),
        ({"epochs": 1, "steps_per_epoch": 4, "warmup_steps": 4}, "must be below the 4 steps"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(InputError) as caught:
        Recipe.from_mapping({"space": "nasbench201", **fields}, "b.yaml")
    assert message in str(caught.value)


def test_space_is_needed():
    with pytest.raises(InputError, match="'space' is missing"):
        Recipe.from_mapping({}, "b.yaml")

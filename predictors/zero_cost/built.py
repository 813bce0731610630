"""Networks and images of a table that was made by training: those that the recipe names."""

from __future__ import annotations

from typing import Any

from predictors.zero_cost.images import AUTO, DIGITS
from tasks.benchmarks.table import BenchmarkTable
from tasks.benchmarks.training.recipe import Recipe
from tasks.errors import InputError


def recipe_settings(table: BenchmarkTable) -> dict[str, Any]:
    """Return how the networks were made that a table measured, as hyperparameters.

    These are ``channels`` and ``cells`` of the networks, and ``images``, ``shift`` and ``flip`` of what they
    were trained on. Empty for tables that were not made by training, and for recipes without images. A
    proxy is to score the network whose accuracy it predicts, not the larger one that the space has by
    default.
    """
    fields = table.build.get("recipe")
    if not isinstance(fields, dict):
        return {}
    try:
        recipe = Recipe.from_mapping(fields, table.name)
    except InputError:
        return {}  # of a build on other data than images
    images = AUTO if recipe.dataset == DIGITS else recipe.dataset
    return {
        "channels": recipe.channels,
        "cells": recipe.cells,
        "images": images,
        "shift": recipe.shift,
        "flip": recipe.flip,
    }

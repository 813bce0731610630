"""Architectures without labels, for methods that learn from their own predictions."""

from __future__ import annotations

import numpy as np

from predictors.observations import Observations
from tasks.spaces.base import Codes, code_length

_ROUNDS = 10
"""Draws in a row without a new architecture after which the space is taken to have no more."""


def draw_unlabelled(train: Observations, count: int, rng: np.random.Generator) -> Codes:
    """Draw architectures of the space that differ from those of a training set and from each other.

    Two architectures differ if their canonical forms do. Architectures that will be asked for later may
    be among them, as they may in practice: their labels are not seen.

    Args:
        train: Architectures that are not to be drawn.
        count: How many.
        rng: Of the draws.

    Returns:
        Shape (count, code length); fewer rows if the space does not have so many.
    """
    space = train.space
    seen = set(space.canonical_many(train.codes))
    chosen = [np.zeros((0, code_length(space.layout)), dtype=np.int16)]
    missing, idle = count, 0
    while missing > 0 and idle < _ROUNDS:
        drawn = space.sample(rng, missing + missing // 4 + 8)
        first: dict[str, int] = {}
        for row, form in enumerate(space.canonical_many(drawn)):
            if form not in seen:
                first.setdefault(form, row)
        rows = list(first.values())[:missing]
        seen.update(first)
        chosen.append(drawn[rows])
        missing -= len(rows)
        idle = 0 if rows else idle + 1
    return np.concatenate(chosen)

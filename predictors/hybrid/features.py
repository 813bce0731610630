"""A learning curve as a few numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from predictors.curves import accuracy_curve
from predictors.observations import Observations

CurveFeatures = Literal["moments", "last", "curve"]
"""``moments``: mean and standard deviation of the values, of their first and of their second
differences. ``last``: these and the last value. ``curve``: all values and first differences."""

ArchitectureFeatures = Literal["none", "encoding", "counts"]
"""What is added of the architecture: nothing, the adjacency encoding, or the logarithms of parameters
and multiply-adds."""

Floats = NDArray[np.float64]


def features(observations: Observations, curve: CurveFeatures, architecture: ArchitectureFeatures) -> Floats:
    """Return the features, shape (n, number).

    Differences that a short curve does not have are left out: one epoch has one feature, two have no
    second differences.

    Raises:
        InputError: No accuracy curve, or the space cannot count parameters.
    """
    values = accuracy_curve(observations)
    first = np.diff(values, axis=1)
    if curve == "curve":
        parts = [values, first]
    else:
        parts = [part for order in (values, first, np.diff(first, axis=1)) for part in _moments(order)]
        parts += [values[:, -1:]] if curve == "last" and values.shape[1] > 1 else []
    if architecture == "encoding":
        parts.append(observations.encode("adjacency"))
    elif architecture == "counts":
        counts = observations.space.count(observations.codes, observations.dataset)
        parts += [np.log1p(np.asarray(count, dtype=np.float64))[:, None] for count in counts]
    return np.concatenate(parts, axis=1)


def _moments(values: Floats) -> list[Floats]:
    """Return mean and deviation; only the mean of a single value, and nothing of none."""
    if values.shape[1] == 0:
        return []
    mean = values.mean(axis=1, keepdims=True)
    return [mean] if values.shape[1] == 1 else [mean, values.std(axis=1, keepdims=True)]

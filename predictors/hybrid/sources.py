"""Where the features of a composed predictor come from: other predictors that learn from no labels."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.base import PredictorInfo
from predictors.observations import Observations
from predictors.zero_cost.score_archs import score_archs
from predictors.zero_cost.scoring import PROXIES, Proxy, Setting
from tasks.errors import InputError, did_you_mean

Floats = NDArray[np.float64]

ENCODING = "encoding"
"""Among the names of features: the encoding of the cell that the model reads anyway."""


@dataclass(frozen=True, slots=True)
class RawFeatures:
    """Features before they are scaled.

    Attributes:
        values: Shape (n, k), NaN where a zero-cost score is undefined.
        seconds: What computing the zero-cost scores of each architecture took, now or, if they were found
            in a store, then; shape (n,).
        wall: Wall seconds that getting those scores took now.
    """

    values: Floats
    seconds: Floats
    wall: float


def sources(features: tuple[str, ...]) -> tuple[PredictorInfo, ...]:
    """Return the predictors whose scores are the features: zero-cost proxies first, then others.

    Args:
        features: Their names; ``encoding`` may be among them.

    Raises:
        InputError: No feature, one twice, or a name that is not a predictor without training.
    """
    from predictors import registry

    if not features:
        raise InputError("features is empty; name at least one, such as encoding")
    twice = [name for name in dict.fromkeys(features) if features.count(name) > 1]
    if twice:
        raise InputError(f"features: {twice[0]} stands there twice")
    usable = {info.name: info for info in registry.all_infos() if not {"labels", "supernet"} & info.needs}
    for name in features:
        if name != ENCODING and name not in usable:
            raise InputError(
                f"features: {name!r} is neither {ENCODING!r} nor a predictor that learns from no labels; "
                f"{did_you_mean(name, [ENCODING, *sorted(usable)])}"
            )
    named = [usable[name] for name in features if name != ENCODING]
    return tuple(sorted(named, key=lambda info: info.name not in PROXIES))


def proxies_of(infos: Sequence[PredictorInfo]) -> list[Proxy]:
    """Return those of the predictors that are zero-cost proxies, in their order."""
    return [name for info in infos for name in PROXIES if name == info.name]


def read_features(
    observations: Observations, infos: Sequence[PredictorInfo], setting: Setting, params: Mapping[str, Any]
) -> RawFeatures:
    """Return the scores of predictors as features, proxies of a network computed together.

    Args:
        observations: Architectures, with curves if one of the features reads them.
        infos: As ``sources``.
        setting: How networks are scored.
        params: The same as hyperparameters, for other predictors that score networks.

    Raises:
        InputError: What a feature needs is not there.
    """
    from predictors import registry

    n = len(observations)
    began = time.perf_counter()
    names = proxies_of(infos)
    scores = score_archs(observations, names, setting) if names else [[] for _ in range(n)]
    wall = time.perf_counter() - began
    seconds = np.array([sum(score.seconds for score in row) for row in scores], dtype=np.float64)
    values = [[np.nan if score.value is None else score.value for score in row] for row in scores]
    columns = [np.array(values, dtype=np.float64).reshape(n, len(names))]
    for info in infos:
        if info.name not in names:
            known = registry.get_parameters(info.name)
            chosen = {name: value for name, value in params.items() if name in known}
            predictor = registry.create(info.name, chosen, seed=0)
            columns.append(predictor.predict(observations)[:, None])
    return RawFeatures(np.concatenate(columns, axis=1), seconds, wall)

"""Which zero-cost scores the tasks of a study ask for."""

from __future__ import annotations

import json
from functools import lru_cache

from predictors import registry
from predictors.zero_cost.scoring import Proxy, Setting


@lru_cache(maxsize=1024)
def proxies_of(predictor: str, params: str) -> tuple[tuple[Setting, Proxy], ...]:
    """Return the proxies that a predictor asks for, and their setting; none of most.

    Args:
        predictor: Registered name.
        params: Hyperparameters as a task has them, canonical JSON.

    Raises:
        InputError: Unknown predictor or hyperparameter, or a value that is not allowed.
    """
    settings = json.loads(params)
    settings.pop(registry.TUNING, None)  # no search looks for settings of images and networks
    return registry.create(predictor, settings, seed=0).proxies

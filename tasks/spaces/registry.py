"""Search spaces by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import SearchSpace
from tasks.spaces.darts import Darts
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201
from tasks.spaces.nasbench_nlp import NasBenchNlp

_SPACES: Mapping[str, Callable[[], SearchSpace]] = {
    "darts": Darts,
    "nasbench101": NasBench101,
    "nasbench201": NasBench201,
    "nasbench_nlp": NasBenchNlp,
}


def space_names() -> list[str]:
    """Return the names of the registered spaces, sorted."""
    return sorted(_SPACES)


def get_space(name: str) -> SearchSpace:
    """Return the space of this name.

    Raises:
        InputError: There is none; names the closest ones.
    """
    if name not in _SPACES:
        raise InputError(f"unknown search space {name!r}; {did_you_mean(name, space_names())}")
    return _SPACES[name]()

"""Search spaces by name."""

from __future__ import annotations

from collections.abc import Callable

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import SearchSpace
from tasks.spaces.darts import Darts
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201
from tasks.spaces.nasbench_nlp import NasBenchNlp

_SPACES: dict[str, Callable[[], SearchSpace]] = {
    "darts": Darts,
    "nasbench101": NasBench101,
    "nasbench201": NasBench201,
    "nasbench_nlp": NasBenchNlp,
}


def register_space(name: str, make: Callable[[], SearchSpace]) -> None:
    """Add a space, in this process; a plug-in file does this, so that every worker does.

    Args:
        name: Its name; ``make().name`` must be the same.
        make: Makes the space, for example its class.

    Raises:
        InputError: The name is taken, or differs from the space's own.
    """
    own = make().name
    if own != name:
        raise InputError(f"register_space({name!r}, ...): the space calls itself {own!r}")
    if _SPACES.setdefault(name, make) is not make:
        raise InputError(f"the name {name!r} of a space is taken by {_SPACES[name]!r}")


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

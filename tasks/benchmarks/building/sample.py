"""The architectures of a build: distinct by canonical form, and a longer list extends a shorter one."""

from __future__ import annotations

import numpy as np

from tasks.errors import InputError
from tasks.seeds import generator
from tasks.spaces.base import Arch, SearchSpace, as_arch

_CHUNK = 256  # part of the definition: another size gives another list
_FRUITLESS = 200
"""So many chunks without a new form, and the space is taken to have no more."""


def distinct_architectures(space: SearchSpace, n: int, seed: int) -> list[tuple[Arch, str]]:
    """Return ``n`` architectures and their canonical forms, no form twice.

    They are the first ``n`` of a list that depends on space and seed only: what ``space.sample``
    draws, without repeats. So a build can be extended later.

    Raises:
        InputError: The space seems to have fewer.
    """
    rng = generator("build", space.name, seed)
    found: dict[str, Arch] = {}
    fruitless = 0
    while len(found) < n:
        before = len(found)
        codes = space.sample(rng, _CHUNK)
        for row, form in zip(np.asarray(codes), space.canonical_many(codes), strict=True):
            if form not in found:
                found[form] = as_arch(row)
        fruitless = 0 if len(found) > before else fruitless + 1
        if fruitless == _FRUITLESS:
            raise InputError(
                f"archs is {n}, but {space.name} gave only {len(found)} different architectures in "
                f"{_FRUITLESS * _CHUNK} further draws; ask for at most {len(found)}"
            )
    return [(arch, form) for form, arch in list(found.items())[:n]]

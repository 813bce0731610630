"""Which sub-networks a supernet is trained through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tasks.errors import InputError
from tasks.spaces.base import Arch, CellPairLayout, Codes, EdgeLayout, SearchSpace, as_arch


class PathSampler(Protocol):
    """Chooses the sub-networks of each training step."""

    @property
    def name(self) -> str:
        """Of the sampler and all its settings: supernets of different samplers are different ones."""

    def step(self, rng: np.random.Generator) -> Sequence[Arch | None]:
        """Return the sub-networks whose gradients, summed, make one step; None for all operations."""


@dataclass(frozen=True, slots=True)
class AllPaths:
    """All operations at once (Bender et al., ICML 2018)."""

    name: str = "all"

    def step(self, rng: np.random.Generator) -> Sequence[Arch | None]:
        """Return the whole supernet."""
        del rng
        return [None]


@dataclass(frozen=True, slots=True)
class UniformPaths:
    """One architecture, each equally likely (Li and Talwalkar, UAI 2019)."""

    space: SearchSpace
    name: str = "uniform"

    def step(self, rng: np.random.Generator) -> Sequence[Arch | None]:
        """Return one architecture."""
        return [as_arch(row) for row in self.space.sample(rng, 1)]


@dataclass(frozen=True, slots=True)
class FairPaths:
    """As many architectures as there are operations: each operation once in every place.

    Strict fairness of Chu, Zhang and Xu, "FairNAS", ICCV 2021. Where the wiring is free, too, the
    architectures of a step have the same one.
    """

    space: SearchSpace
    name: str = "fair"

    def step(self, rng: np.random.Generator) -> Sequence[Arch | None]:
        """Return one architecture per operation."""
        return [as_arch(row) for row in fair_codes(self.space, rng)]


def fair_codes(space: SearchSpace, rng: np.random.Generator) -> Codes:
    """Return architectures that have each operation once in every place, shape (operations, length).

    Raises:
        InputError: A space whose operations have no fixed places.
    """
    layout = space.layout
    if isinstance(layout, EdgeLayout):
        places = slice(None)
    elif isinstance(layout, CellPairLayout):
        places = slice(1, None, 2)
    else:
        raise InputError(f"fair paths: cells of {space.name} have no fixed places for operations")
    count = len(layout.operations)
    codes = np.repeat(space.sample(rng, 1), count, axis=0)
    operations = np.arange(count, dtype=codes.dtype)[:, None]
    codes[:, places] = rng.permuted(np.broadcast_to(operations, codes[:, places].shape), axis=0)
    return codes

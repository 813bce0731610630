"""Names of the zero-cost proxies, and what a score of one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Proxy = Literal[
    "fisher", "grad_norm", "grasp", "jacov", "snip", "synflow", "nwot", "zen", "epe_nas", "plain", "l2_norm"
]

PROXIES: tuple[Proxy, ...] = get_args(Proxy)
"""All of them; the first six are those of the study."""

STUDY = PROXIES[:6]

VERSION = 1
"""Raised when scores change; part of every key of a stored score."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How networks are scored.

    Attributes:
        batch: Images of the mini-batch.
        images: Where they come from, see ``images.load_images``.
        replicate: Number of the initialisation and mini-batch.
        size: Sizes of the network as ``SearchSpace.build`` takes them; those left out are the space's.
    """

    batch: int = 32
    images: str = "auto"
    replicate: int = 0
    size: Mapping[str, int] = field(default_factory=dict)

    def __hash__(self) -> int:
        """Equal settings have equal ones; a mapping has none of its own."""
        return hash((self.batch, self.images, self.replicate, frozenset(self.size.items())))


@dataclass(frozen=True, slots=True)
class ProxyScore:
    """One proxy of one network.

    Attributes:
        value: The score, with its published sign; None if it is undefined for this network.
        seconds: What it took: the passes that this proxy needs, those shared with others in full. It
            is thus what the proxy alone would take, whatever it was computed together with.
        reason: Why it is undefined; empty if it is not.
    """

    value: float | None
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class MiniBatch:
    """Images that a network is scored on.

    Attributes:
        images: float32, shape (n, channels, height, width), about zero mean and unit variance.
        labels: int64, shape (n,), from 0.
        classes: Number of classes.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int


class UndefinedScoreError(ValueError):
    """A proxy has no value for this network; the message says why."""

"""Scores that were computed before: what they are found by, and who keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from typing import Protocol

from predictors.zero_cost.scoring import Proxy, ProxyScore, Setting
from tasks.seeds import digest


@dataclass(frozen=True, slots=True)
class ScoreKey:
    """All that a score depends on.

    Attributes:
        space: Search space.
        dataset: Data set.
        arch: The architecture in its official notation. Not its canonical form: cells that compute
            the same function can have networks with other weights, and so other scores; sharing one
            of them would make a score depend on which cell came first.
        proxy: Which proxy.
        version: Of the proxies.
        replicate: Number of the initialisation and mini-batch.
        batch: Digest of the images and of the size of the mini-batch.
        network: Sizes of the network, such as ``channels=16``; empty for those of the space.
    """

    space: str
    dataset: str
    arch: str
    proxy: Proxy
    version: int
    replicate: int
    batch: str
    network: str

    @property
    def digest(self) -> str:
        """Sha256 (hex) of the content."""
        return digest("zero-cost score", *astuple(self))


class ScoreCache(Protocol):
    """Keeps scores; shared by all trials of a study, and by later ones."""

    def find(self, keys: Collection[ScoreKey]) -> dict[ScoreKey, ProxyScore]:
        """Return those that are known."""

    def add(self, scores: Mapping[ScoreKey, ProxyScore]) -> None:
        """Keep some more."""


class MemoryCache:
    """Keeps scores for as long as it lives."""

    def __init__(self) -> None:
        self._scores: dict[ScoreKey, ProxyScore] = {}

    def __len__(self) -> int:
        return len(self._scores)

    def find(self, keys: Collection[ScoreKey]) -> dict[ScoreKey, ProxyScore]:
        """Return those that are known."""
        return {key: self._scores[key] for key in keys if key in self._scores}

    def add(self, scores: Mapping[ScoreKey, ProxyScore]) -> None:
        """Keep some more."""
        self._scores.update(scores)


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How the predictors of a run use stored scores.

    Attributes:
        cache: Where they are; None to compute every score anew.
        together: Proxies that will be asked for sooner or later, and the setting of each: whoever computes
            one of them for a network computes all of that setting, since that takes far fewer passes.
    """

    cache: ScoreCache | None = None
    together: tuple[tuple[Setting, Proxy], ...] = ()


_NONE = CacheUse()
_use: ContextVar[CacheUse] = ContextVar("scores", default=_NONE)


def current_use() -> CacheUse:
    """Return what is in force here."""
    return _use.get()


@contextmanager
def using_scores(cache: ScoreCache | None, together: Sequence[tuple[Setting, Proxy]] = ()) -> Iterator[None]:
    """Let predictors find scores in a cache, and keep new ones there, within the block.

    Args:
        cache: The cache.
        together: As ``CacheUse``; without effect if there is no cache.
    """
    token = _use.set(CacheUse(cache, tuple(together) if cache is not None else ()))
    try:
        yield
    finally:
        _use.reset(token)

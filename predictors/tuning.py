"""Hyperparameters by random search on the training architectures.

White et al., "How Powerful are Performance Predictors in NAS?", NeurIPS 2021, appendix. Differences
from NASLib, each because its search does not choose what it means to choose:

* a configuration is scored on the held-out part of each fold, not on the part it was trained on;
* folds are shuffled;
* the budget is a number of configurations, so that a result does not depend on the machine; a limit
  of wall time is a second, optional one (NASLib: 900 s x n/1000 + 20 s).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.observations import Observations
from predictors.parameters import declared_parameters
from tasks.metrics import kendall
from tasks.seeds import derive_seed

_log = logging.getLogger(__name__)

MIN_FOLD = 4
"""Architectures in a held-out fold at least; a rank correlation of fewer says nothing."""

_MAX_REASONS = 3
"""Different reasons why configurations failed that a message names; the log has all."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How to search.

    Attributes:
        configs: Configurations tried, the default one first.
        folds: Folds of the cross-validation.
        max_time_s: Wall seconds after which no further configuration is begun; None for no limit.
            With a limit, results depend on the machine.
    """

    configs: int = 25
    folds: int = 3
    max_time_s: float | None = None

    def to_params(self) -> dict[str, Any]:
        """Return plain values, as they stand in a task's parameters."""
        return asdict(self)

    def folds_for(self, n: int) -> int:
        """Return the folds of n training architectures; 0 where they are too few for a search."""
        count = min(self.folds, n // MIN_FOLD)
        return count if count >= 2 else 0

    def trained_share(self, n: int) -> float:
        """Return the training architectures of all fits of the search together, as a multiple of n."""
        folds = self.folds_for(n)
        return float(self.configs * (folds - 1)) if folds else 0.0


class TunedPredictor(Predictor):
    """Chooses hyperparameters by Kendall's tau on held-out folds, then fits with the best.

    The default configuration comes first, others are drawn from the ranges that the predictor
    declares; another is better only if strictly so. One that fails, or predicts a constant, is out.
    With fewer architectures than ``folds`` x 4 there are fewer folds; with fewer than 8 there is no
    search, and the default is used.

    Args:
        kind: The predictor's class.
        fixed: Hyperparameters that are not searched.
        tuning: How to search.
        seed: Seed of search, folds and fits.

    Attributes:
        chosen_: The hyperparameters that were fitted with.
        scores_: Mean held-out tau of each configuration tried, NaN for one that is out.
        failures_: Why each configuration tried is out, or an empty text.
        hpo_time_: Wall seconds of the search.
    """

    def __init__(
        self, *, kind: type[Predictor], fixed: Mapping[str, Any], tuning: Tuning, seed: int = 0
    ) -> None:
        self.kind = kind
        self.fixed = fixed
        self.tuning = tuning
        self.seed = seed

    @property
    def encodings(self) -> tuple[str, ...]:
        """Those of the default configuration."""
        return self._make(self.fixed).encodings

    def _fit(self, train: Observations) -> None:
        began = time.perf_counter()
        configs = self._configurations()
        folds = self._folds(len(train))
        scored: list[tuple[float, str]] = []
        if folds:
            for start, stop in self._rounds(len(configs)):
                if scored and self._out_of_time(began):
                    break
                scored += self._score(configs[start:stop], train, folds)
        scores = [score for score, _ in scored]
        best = _first_best(scores)
        self.hpo_time_ = time.perf_counter() - began
        self.scores_ = np.asarray(scores)
        self.failures_ = tuple(reason for _, reason in scored)
        self.chosen_ = configs[best]
        self.model_ = self._make(self.chosen_).fit(train)

    def _predict(self, query: Observations) -> NDArray[np.float64]:
        scores = self.model_.predict(query)
        self.notice_ = "; ".join(filter(None, (self._failures(), self.model_.notice_)))
        return scores

    def _failures(self) -> str:
        """Return how many configurations are out and why, the commonest reason first; empty if none is."""
        reasons = Counter(filter(None, self.failures_)).most_common()
        if not reasons:
            return ""
        text = ", ".join(f"{reason} ({count})" for reason, count in reasons[:_MAX_REASONS])
        more = ", ..." if len(reasons) > _MAX_REASONS else ""
        count = sum(count for _, count in reasons)
        return f"{count} of {len(self.failures_)} configurations of the search failed: {text}{more}"

    def _predict_distribution(self, query: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.model_.predict_distribution(query)

    def _make(self, config: Mapping[str, Any]) -> Predictor:
        arguments: dict[str, Any] = {**config, "seed": self.seed}
        return self.kind(**arguments)

    def _configurations(self) -> list[dict[str, Any]]:
        rng = np.random.default_rng(derive_seed("tuning", self.seed))
        searched = {
            name: (parameter.search, parameter.types == (int,))
            for name, parameter in declared_parameters(self.kind).items()
            if parameter.search is not None and name not in self.fixed
        }
        drawn = [
            {name: search.draw(rng, whole=whole) for name, (search, whole) in searched.items()}
            for _ in range(self.tuning.configs - 1 if searched else 0)
        ]
        return [{**self.fixed, **config} for config in [{}, *drawn]]

    def _folds(self, n: int) -> list[NDArray[np.int64]]:
        """Held-out rows of each fold; empty if there are too few architectures."""
        count = self.tuning.folds_for(n)
        if not count:
            return []
        order = np.random.default_rng(derive_seed("folds", self.seed)).permutation(n)
        return [part.astype(np.int64) for part in np.array_split(order, count)]

    def _rounds(self, count: int) -> list[tuple[int, int]]:
        """All configurations at once, or one by one where a time limit has to be watched."""
        if self.tuning.max_time_s is None:
            return [(0, count)]
        return [(index, index + 1) for index in range(count)]

    def _out_of_time(self, began: float) -> bool:
        limit = self.tuning.max_time_s
        return limit is not None and time.perf_counter() - began > limit

    def _score(
        self, configs: Sequence[Mapping[str, Any]], train: Observations, folds: Sequence[NDArray[np.int64]]
    ) -> list[tuple[float, str]]:
        """Return of each configuration its score and why it has none."""
        parts = [train.take(np.setdiff1d(np.arange(len(train)), held_out)) for held_out in folds]
        predictors = [[self._make(config) for _ in folds] for config in configs]
        flat = [predictor for row in predictors for predictor in row]
        try:
            self.kind.fit_many(flat, parts * len(configs))
        except Exception:  # noqa: BLE001 - found out again, and told apart, one by one
            flat = []
        scored = []
        for config, row in zip(configs, predictors, strict=True):
            taus, reason = [], ""
            for predictor, part, held_out in zip(row, parts, folds, strict=True):
                tau, reason = _held_out(predictor, None if flat else part, train.take(held_out))
                if reason:
                    _log.warning("search of %s: %s is out: %s", self.kind.__name__, dict(config), reason)
                    break
                taus.append(tau)
            scored.append((float("nan") if reason else float(np.mean(taus)), reason))
        return scored


def _held_out(predictor: Predictor, part: Observations | None, held_out: Observations) -> tuple[float, str]:
    """Return tau on the held-out fold and why there is none; fits first if a part to train on is given."""
    assert held_out.targets is not None
    try:
        if part is not None:
            predictor.fit(part)
        tau = kendall(held_out.targets, predictor.predict(held_out))
    except Exception as error:  # noqa: BLE001 - a configuration that does not work is out; the others stay
        return float("nan"), f"{type(error).__name__}: {error}"
    return (
        (float("nan"), "no ranking of a held-out fold: equal or undefined predictions")
        if tau is None
        else (tau, "")
    )


def _first_best(scores: Sequence[float]) -> int:
    """Return the first index of the highest score; 0, the default, if there is none."""
    best = 0
    for index, score in enumerate(scores):
        if score > (scores[best] if np.isfinite(scores[best]) else -np.inf):
            best = index
    return best

"""A model on features of several kinds: the encoding of the cell, zero-cost scores, learning curves."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.base import Need, Predictor, PredictorInfo
from predictors.encodings.shared import GRAPHS
from predictors.extra import ExtraFeatures
from predictors.hybrid.scaling import Scaling, bin_count
from predictors.hybrid.sources import ENCODING, RawFeatures, proxies_of, read_features, sources
from predictors.observations import Observations
from predictors.zero_cost.scoring import Proxy, Setting
from tasks.errors import InputError
from tasks.spaces.base import Codes

Floats = NDArray[np.float64]

NETWORK = ("batch", "images", "replicate", "channels", "cells")
"""Hyperparameters of zero-cost scores, which the composed predictor hands on."""


class ComposedPredictor(Predictor):
    """Gives a model more features than the encoding. Subclasses say which, and which model.

    Features are scaled with the training architectures' mean and deviation, and cut into bins at their
    quantiles for models that read tokens. The scores of training architectures are part of the setup
    time, those of a query architecture of its query time.

    Attributes:
        scaling_: What was learned of the features.
        epochs_: Length of the training curves; 0 without curves.
        model_: The fitted model.
    """

    scaling_: Scaling
    epochs_: int
    model_: Predictor

    @property
    @abstractmethod
    def _features(self) -> tuple[str, ...]:
        """Names as ``sources`` takes them."""

    @abstractmethod
    def _new_model(self) -> Predictor:
        """Return an unfitted model; it takes extra features."""

    @property
    def encodings(self) -> tuple[str, ...]:
        """Those of the model, if it is to read one."""
        return self._checked_model().encodings if ENCODING in self._features else ()

    @property
    def proxies(self) -> tuple[tuple[Setting, Proxy], ...]:
        """Those among the features."""
        return tuple((self._setting, name) for name in proxies_of(sources(self._features)))

    @property
    def _network(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in NETWORK if hasattr(self, name)}

    @property
    def _setting(self) -> Setting:
        params = self._network
        size = {name: params[name] for name in ("channels", "cells") if params.get(name) is not None}
        return Setting(
            **{name: params[name] for name in ("batch", "images", "replicate") if name in params}, size=size
        )

    def _checked_model(self) -> Predictor:
        """Return an unfitted model.

        Raises:
            InputError: The model cannot take these features.
        """
        sources(self._features)
        model = self._new_model()
        if ENCODING not in self._features and GRAPHS in model.encodings:
            raise InputError(
                f"features: {type(model).__name__} reads the cell as a graph; {ENCODING} must be among them"
            )
        return model

    def _fit(self, train: Observations) -> None:
        infos, n = sources(self._features), len(train)
        model = self._checked_model()
        self.setup_seconds_ = self.setup_wall_ = 0.0
        raw = self._read_for_setup(train)
        counts = [bin_count(n, curve="curves" in info.needs) for info in infos]
        self.scaling_, self.epochs_ = Scaling.of(raw.values, counts), self._epochs(train)
        self.model_ = model.fit(replace(train, extra=self._scaled(raw, train)))

    @property
    def _reads_curves(self) -> bool:
        return any("curves" in info.needs for info in sources(self._features))

    def _epochs(self, observations: Observations) -> int:
        lengths = (values.shape[1] for values in observations.curves.values())
        return next(lengths, 0) if self._reads_curves else 0

    def _read_for_setup(self, observations: Observations) -> RawFeatures:
        raw = self._read(observations)
        self.setup_seconds_ += float(raw.seconds.sum())
        self.setup_wall_ += raw.wall
        return raw

    def _scaled(self, raw: RawFeatures, train: Observations) -> ExtraFeatures:
        def of_others(codes: Codes) -> ExtraFeatures:
            return self._scaled(self._read_for_setup(train.of_others(codes)), train)

        others = None if self._reads_curves else of_others
        return self.scaling_.apply(raw.values, encoding=ENCODING in self._features, of_others=others)

    def _read(self, observations: Observations) -> RawFeatures:
        return read_features(observations, sources(self._features), self._setting, self._network)

    def _predict(self, query: Observations) -> Floats:
        began = time.perf_counter()
        query, raw = self._with_features(query)
        scores = self.model_.predict(query)
        rest = time.perf_counter() - began - raw.wall
        self.query_seconds_ = raw.seconds + rest / max(len(query), 1) if np.any(raw.seconds) else None
        return scores

    def _predict_distribution(self, query: Observations) -> tuple[Floats, Floats]:
        return self.model_.predict_distribution(self._with_features(query)[0])

    def _with_features(self, query: Observations) -> tuple[Observations, RawFeatures]:
        raw = self._read(query)
        epochs = self._epochs(query)
        if epochs != self.epochs_:
            raise InputError(
                f"{type(self).__name__}: fitted on curves of {self.epochs_} epochs, the query has {epochs}"
            )
        extra = self.scaling_.apply(raw.values, encoding=ENCODING in self._features)
        return replace(query, extra=extra), raw


def with_features(info: PredictorInfo, features: tuple[str, ...]) -> PredictorInfo:
    """Return the information of a predictor with the needs of its features: curves, spaces and all.

    Raises:
        InputError: As ``sources``.
    """
    infos = sources(features)
    needs: set[Need] = {"labels"}
    for source in infos:
        needs |= source.needs
    curves = tuple(dict.fromkeys(name for source in infos for name in source.curves))
    packages = tuple(dict.fromkeys([*info.packages, *(name for source in infos for name in source.packages)]))
    limits = [source.spaces for source in infos if source.spaces is not None]
    return replace(
        info,
        needs=frozenset(needs),
        curves=curves,
        packages=packages,
        spaces=frozenset.intersection(*limits) if limits else None,
    )

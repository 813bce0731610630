"""Any features into any model-based predictor, as a study file says.

White, Zela, Ru, Liu and Hutter, "How Powerful are Performance Predictors in Neural Architecture
Search?", NeurIPS 2021, section 4 (OMNI): families of predictors look at different things, and a model
that sees the scores of the others beside the encoding beats each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from predictors.base import Predictor, PredictorInfo
from predictors.hybrid.composed import ComposedPredictor, with_features
from predictors.parameters import Range
from tasks.errors import InputError, did_you_mean

FEATURES = ("encoding", "jacov", "sotle")
"""Those of the publication: the encoding, one zero-cost proxy and the training loss."""

MODEL = "ngb"


class Omni(ComposedPredictor):
    """A registered model on features of choice, its hyperparameters as they are.

    Args:
        features: ``encoding``, and names of predictors that learn from no labels: zero-cost proxies,
            learning-curve predictors, ``params``, ``flops``. Their scores are the features.
        model: Name of a model-based predictor.
        settings: Hyperparameters of the model that differ from its defaults.
        batch: Images of the mini-batch on which proxies score a network.
        images: Where they come from, as for the proxies.
        replicate: Number of the random initialisation and mini-batch of the networks.
        channels: ``channels`` of the networks; None for those of the space.
        cells: ``cells`` of the networks; None for those of the space.
        seed: Seed of the model.
    """

    def __init__(
        self,
        *,
        features: tuple[str, ...] = FEATURES,
        model: str = MODEL,
        settings: Mapping[str, Any] | None = None,
        batch: Annotated[int, Range(2, 65_536)] = 32,
        images: str = "auto",
        replicate: Annotated[int, Range(0, 1_000_000)] = 0,
        channels: Annotated[int | None, Range(1, 4096)] = None,
        cells: Annotated[int | None, Range(1, 1000)] = None,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.model = model
        self.settings = settings
        self.batch = batch
        self.images = images
        self.replicate = replicate
        self.channels = channels
        self.cells = cells
        self.seed = seed

    @classmethod
    def info_with(cls, info: PredictorInfo, params: Mapping[str, Any]) -> PredictorInfo:
        """Return the needs of the features and of the model that are asked for.

        Raises:
            InputError: An unknown feature or model, or a model that cannot take these features.
        """
        known = {name: params[name] for name in ("features", "model", "settings") if name in params}
        one = cls(**{**known, "features": tuple(known.get("features", FEATURES))})
        model = _model_info(one.model)
        one._checked_model()
        info = with_features(replace(info, packages=model.packages, spaces=model.spaces), one._features)
        return replace(info, uncertainty=model.uncertainty, percent=model.percent)

    @property
    def _features(self) -> tuple[str, ...]:
        return self.features

    def _new_model(self) -> Predictor:
        from predictors import registry

        _model_info(self.model)
        return registry.create(self.model, self.settings or {}, seed=self.seed)


def _model_info(name: str) -> PredictorInfo:
    """Return a model that takes extra features. Raises InputError if it does not."""
    from predictors import registry

    models = {info.name: info for info in registry.all_infos() if info.family == "model_based"}
    if name not in models:
        raise InputError(f"model {name!r} is no model-based predictor; {did_you_mean(name, sorted(models))}")
    if not registry.load_class(name).takes_extra:
        able = [other for other in sorted(models) if registry.load_class(other).takes_extra]
        raise InputError(f"model {name!r} cannot take extra features; allowed: {', '.join(able)}")
    return models[name]

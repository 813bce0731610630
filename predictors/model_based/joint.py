"""Regressors that are trained for many training sets as one program."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

from predictors.model_based.encoded import EncodedRegressor, Floats, State
from predictors.model_based.neural.threads import one_thread
from predictors.observations import Observations

MAX_ENTRIES = 2**22
"""Entries of the largest stacked array, 32 MiB in double precision: more gains nothing."""


class JointRegressor(EncodedRegressor[State]):
    """An encoded regressor whose training is stacked; alone it is a stack of one.

    Subclasses implement ``_fit_models`` in place of ``_fit_model``. Training sets of different sizes
    share a stack. What a model learns depends, up to rounding, on its own data and seed only.
    """

    def _fit_model(self, x: Floats, z: Floats) -> State:
        with one_thread():
            return self._fit_models([self], [x], [z])[0]

    @classmethod
    def fit_many(cls, predictors: Sequence[Self], trains: Sequence[Observations]) -> None:
        """Fit each predictor on its own training set, those of equal hyperparameters together.

        Raises:
            InputError: As ``fit``; then none of them is fitted.
        """
        for predictor, train in zip(predictors, trains, strict=True):
            predictor._check_training(train)
        prepared = [
            predictor._standardised(train) for predictor, train in zip(predictors, trains, strict=True)
        ]
        models: list[State | None] = [None] * len(predictors)
        groups: dict[object, list[int]] = {}
        for index, (scale, x, _) in enumerate(prepared):
            if scale.std > 0.0:
                params = {
                    name: value for name, value in predictors[index].get_params().items() if name != "seed"
                }
                groups.setdefault((tuple(sorted(params.items())), x.shape[1]), []).append(index)
        with one_thread():
            for group in groups.values():
                for part in cls._stacks(group, [len(z) for _, _, z in prepared]):
                    states = cls._fit_models(
                        [predictors[i] for i in part],
                        [prepared[i][1] for i in part],
                        [prepared[i][2] for i in part],
                    )
                    for index, state in zip(part, states, strict=True):
                        models[index] = state
        for predictor, (scale, _, _), model in zip(predictors, prepared, models, strict=True):
            predictor.scale_, predictor.model_ = scale, model

    @classmethod
    def _stacks(cls, group: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
        """Return the group in parts that fit in memory, similar sizes together to pad little."""
        parts: list[list[int]] = []
        for index in sorted(group, key=lambda i: -sizes[i]):
            # The first of a part is its largest.
            if parts and (len(parts[-1]) + 1) * cls._entries(sizes[parts[-1][0]]) <= MAX_ENTRIES:
                parts[-1].append(index)
            else:
                parts.append([index])
        return parts

    @classmethod
    @abstractmethod
    def _entries(cls, n: int) -> int:
        """Return the entries of the largest array of one model with n training architectures."""

    @classmethod
    @abstractmethod
    def _fit_models(
        cls, predictors: Sequence[Self], xs: Sequence[Floats], zs: Sequence[Floats]
    ) -> list[State]:
        """Return what each predictor learns; all have the same hyperparameters, seeds apart.

        Args:
            predictors: At least one.
            xs: Per predictor, encoded training architectures, shape (n, features).
            zs: Per predictor, standardised targets, shape (n,).
        """

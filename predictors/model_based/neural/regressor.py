"""What the neural predictors share: stacks of equal shape, standard targets, repeatable queries."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from predictors.base import Predictor
from predictors.model_based.encoded import Standardiser
from predictors.model_based.neural.adam import Rate
from predictors.model_based.neural.threads import one_thread
from predictors.observations import Observations
from tasks.seeds import generator

Floats = NDArray[np.float64]

Inputs = Mapping[str, NDArray[np.float64]]
"""Encoded architectures: arrays by name, architectures on the first axis."""

State = TypeVar("State")
"""What one fitted predictor keeps."""


class StackedRegressor(Predictor, Generic[State]):
    """A neural regression model that is trained for many training sets at once.

    Subclasses implement ``_inputs``, ``_train`` and ``_predict_model``. Members of one call of
    ``_train`` share every hyperparameter but the seed and those in ``per_model``, and the shapes of
    their inputs; training sets of other sizes make another stack, so nothing is padded and nothing is
    computed in vain. A model depends on its own data, hyperparameters and seed only: stacked or alone,
    it is the same, to the last bit beside models of equal hyperparameters and else up to rounding.

    Training targets that are all equal (a single one included) cannot be standardised: then no
    model is made and every prediction is that value.

    Attributes:
        scale_: Mean and standard deviation of the training targets.
        model_: Learned state of the method; None after equal training targets.
    """

    takes_extra: ClassVar[bool] = True

    stack_size: ClassVar[int] = 25
    """Most members of one stack: beyond it caches overflow and nothing is gained."""

    per_model: ClassVar[frozenset[str]] = frozenset()
    """Hyperparameters in which members of a stack may differ: those that training uses elementwise."""

    scale_: Standardiser
    model_: State | None

    def _fit(self, train: Observations) -> None:
        type(self)._fit_all([self], [train])

    @classmethod
    def fit_many(cls, predictors: Sequence[Self], trains: Sequence[Observations]) -> None:
        """Fit each predictor on its own training set, those of equal shape as one program."""
        for predictor, train in zip(predictors, trains, strict=True):
            predictor._check_training(train)
        cls._fit_all(predictors, trains)

    @classmethod
    def _fit_all(cls, predictors: Sequence[Self], trains: Sequence[Observations]) -> None:
        groups: dict[object, list[tuple[Self, Inputs, Floats]]] = {}
        for predictor, train in zip(predictors, trains, strict=True):
            assert train.targets is not None
            targets = np.asarray(train.targets, dtype=np.float64)
            predictor.scale_, predictor.model_ = Standardiser.of(targets), None
            if predictor.scale_.std > 0.0:
                inputs = predictor._training_inputs(train)
                groups.setdefault(predictor._kind(inputs), []).append((predictor, inputs, targets))
        with one_thread():
            for group in groups.values():
                for start in range(0, len(group), cls.stack_size):
                    cls._fit_stack(group[start : start + cls.stack_size])

    @classmethod
    def _fit_stack(cls, members: Sequence[tuple[Self, Inputs, Floats]]) -> None:
        stacked = {name: np.stack([inputs[name] for _, inputs, _ in members]) for name in members[0][1]}
        targets = np.stack([predictor._scaled(targets) for predictor, _, targets in members])
        predictors = [predictor for predictor, _, _ in members]
        for predictor, state in zip(predictors, cls._train(predictors, stacked, targets), strict=True):
            predictor.model_ = state

    def _kind(self, inputs: Inputs) -> object:
        """Return what the members of a stack have in common."""
        own = {"seed", *self.per_model}
        params = {name: value for name, value in self.get_params().items() if name not in own}
        shapes = tuple((name, array.shape) for name, array in inputs.items())
        return tuple(sorted(params.items())), shapes

    @staticmethod
    def _rate(members: Sequence[Predictor], name: str, *, repeats: int = 1) -> Rate:
        """Return a hyperparameter in ``per_model``: a number if all members share it, else one each.

        Args:
            members: Of the stack.
            name: Of the hyperparameter.
            repeats: Networks of each member.
        """
        values = [float(getattr(member, name)) for member in members]
        return values[0] if len(set(values)) == 1 else np.repeat(values, repeats)

    def _generator(self, *purpose: str) -> np.random.Generator:
        """Return the stream of this predictor's seed for one purpose."""
        return generator(type(self).__name__, *purpose, self.seed)

    def _predict(self, query: Observations) -> Floats:
        if self.model_ is None or len(query) == 0:
            return np.full(len(query), self.scale_.mean)
        mean, _ = self._distinct(query, self.model_, spread=False)
        return self._unscaled(mean)

    def _predict_distribution(self, query: Observations) -> tuple[Floats, Floats]:
        if self.model_ is None or len(query) == 0:
            return np.full(len(query), self.scale_.mean), np.zeros(len(query))
        mean, spread = self._distinct(query, self.model_, spread=True)
        if spread is None:
            raise NotImplementedError(f"{type(self).__name__} has no predictive uncertainty")
        return self._unscaled(mean), spread * (self.scale_.std if self._standardised else 1.0)

    def _distinct(self, query: Observations, model: State, *, spread: bool) -> tuple[Floats, Floats | None]:
        """Predict each distinct architecture once.

        In a matrix product equal rows may differ in the last bit, and ties between architectures
        would be broken by rounding.
        """
        inputs = self._inputs(query)
        flat = np.concatenate([array.reshape(len(query), -1) for array in inputs.values()], axis=1)
        _, first, position = np.unique(flat, axis=0, return_index=True, return_inverse=True)
        position = position.reshape(-1)
        chosen = {name: array[first] for name, array in inputs.items()}
        mean, deviation = self._predict_model(model, chosen, spread=spread)
        return mean[position], None if deviation is None else deviation[position]

    @property
    def _standardised(self) -> bool:
        """Whether the model learns standardised targets; else percent."""
        return True

    def _scaled(self, targets: Floats) -> Floats:
        return (targets - self.scale_.mean) / self.scale_.std if self._standardised else targets

    def _unscaled(self, scores: Floats) -> Floats:
        return self.scale_.mean + self.scale_.std * scores if self._standardised else scores

    @abstractmethod
    def _inputs(self, observations: Observations) -> Inputs:
        """Return the encoded architectures."""

    def _training_inputs(self, train: Observations) -> Inputs:
        """Return what ``_train`` needs; here the encoded architectures and nothing else."""
        return self._inputs(train)

    @classmethod
    @abstractmethod
    def _train(cls, members: Sequence[Self], inputs: Inputs, targets: Floats) -> list[State]:
        """Return the learned state of each member.

        Args:
            members: Equal but for their seeds and ``per_model``.
            inputs: As ``_inputs``, with the members on one more axis in front.
            targets: Standardised (or percent), shape (members, n).
        """

    @abstractmethod
    def _predict_model(self, model: State, inputs: Inputs, *, spread: bool) -> tuple[Floats, Floats | None]:
        """Return predictions of m >= 1 distinct architectures, on the scale of the model.

        With ``spread``, standard deviations as well, or None if the method has none.
        """

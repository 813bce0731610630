"""The contract of every predictor."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from predictors.observations import Observations
from predictors.parameters import check_parameters
from tasks.errors import InputError, did_you_mean
from tasks.task import Experiment

if TYPE_CHECKING:
    from predictors.zero_cost.scoring import Proxy, Setting

Family = Literal["model_based", "zero_cost", "learning_curve", "weight_sharing", "hybrid", "baseline"]
Need = Literal["labels", "curves", "counts", "images", "supernet"]


@dataclass(frozen=True, slots=True)
class PredictorInfo:
    """What the pipeline knows of a predictor without importing it.

    Attributes:
        name: Registered name, as in study files.
        target: ``module:Class``.
        family: The family of the study.
        needs: What it uses: ``labels`` (trained architectures), ``curves`` (partial training of
            the query), ``counts`` (parameters and multiply-adds), ``images``, ``supernet``.
        curves: The curves that it reads, by column of the benchmark table; those of a table that
            lacks one of them are not enough. Empty if any will do.
        version: Raised by hand when results change; part of every task key.
        spaces: Names of the spaces it runs on; None for every space.
        percent: Whether predictions are on the scale of the target (percent), so that absolute
            errors and tau at rounded predictions mean something.
        deterministic: Whether the model seed is without effect.
        uncertainty: Whether ``predict_distribution`` is offered.
        undefined: Whether some architectures may have no score; ``predict`` then returns NaN for them.
        resident: Whether it is served by long-lived actors instead of tasks.
        num_gpus: GPU share of one evaluator or task (0, 0.25, 0.5 or 1).
        gpu: Whether it can train on a GPU if a run asks for one; it makes its tensors on
            ``predictors.device.tensor_device()``.
        ranks_from: Training architectures from which it can be expected to rank; after fewer, scores may all
            be equal, which makes a row of status ``degenerate``.
        together: Tasks of one budget that make a batch however long that takes, since fitted as one
            program each takes much less time.
        packages: Import names of what it needs besides numpy and scipy.
        cost_s: Rough CPU seconds of fit and predict at 100 training and 200 test architectures;
            a prior for scheduling that measured costs replace. Of those fitted in batches: in a batch.
        cost_growth: Exponent of that cost in the number of training architectures, roughly.
        summary: One line.
        reference: Paper.

    Raises:
        InputError: A family or a need that does not exist.
    """

    name: str
    target: str
    family: Family
    needs: frozenset[Need]
    version: int = 1
    spaces: frozenset[str] | None = None
    percent: bool = False
    deterministic: bool = False
    uncertainty: bool = False
    undefined: bool = False
    resident: bool = False
    num_gpus: float = 0.0
    gpu: bool = False
    ranks_from: int = 5
    together: int = 1
    packages: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    cost_s: float = 0.1
    cost_growth: float = 0.5
    summary: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        families, needs = get_args(Family), get_args(Need)
        if self.family not in families:
            hint = did_you_mean(str(self.family), families)
            raise InputError(f"predictor {self.name}: unknown family {self.family!r}; {hint}")
        if not isinstance(self.needs, (set, frozenset)):
            raise InputError(f"predictor {self.name}: needs is {self.needs!r}, must be a set of names")
        for need in sorted(self.needs - set(needs), key=str):
            raise InputError(
                f"predictor {self.name}: unknown need {need!r}; {did_you_mean(str(need), needs)}"
            )

    @property
    def experiment(self) -> Experiment:
        """The budget axis it is swept along, from what it uses."""
        if "labels" in self.needs:
            return "vary_both" if "curves" in self.needs else "vary_train_size"
        return "vary_fidelity" if "curves" in self.needs else "single"


class NotFittedError(ValueError, AttributeError):
    """``predict`` before ``fit``."""


class Predictor(ABC):
    """Predicts a score per architecture; higher is better.

    Constructors take keyword arguments only, store them unchanged and do nothing else; one of
    them is ``seed``, the others are hyperparameters, declared as ``predictors.parameters`` says.
    What ``fit`` learns is stored in attributes that end with an underscore. Subclasses implement
    ``_fit`` and ``_predict``; validation is done here, once. ``predictors.checks`` holds the
    checks that every predictor must pass.
    """

    takes_extra: ClassVar[bool] = False
    """Whether it reads the extra features of its observations, so that ``omni`` can give it some."""

    seed: int

    setup_seconds_: float = 0.0
    """Set by ``_fit`` or ``_predict`` where they need what may come from a store, such as zero-cost scores of
    the training architectures or a trained supernet: what computing that took, then or now. It is the setup
    time of a result, and no part of the query time."""

    setup_wall_: float = 0.0
    """Set with ``setup_seconds_``: the wall seconds of ``fit`` that went there, looking up or computing."""

    query_seconds_: NDArray[np.float64] | None = None
    """Set by ``_predict`` where scores may come from a store: what computing each of them took, then or
    now. The query time of a result is their mean, not that of the look-up."""

    undefined_: tuple[str, ...] = ()
    """Set by ``_predict`` if the tag ``undefined`` is: for each architecture, why it has no score, or an
    empty text."""

    notice_: str = ""
    """Set by ``_predict`` where scores were not made in the usual way: how many, why, and how. Results that
    are fine otherwise carry it as their message."""

    def fit(self, train: Observations) -> Self:
        """Learn from labelled architectures.

        Args:
            train: At least one architecture with finite targets in percent.

        Raises:
            InputError: No targets, none at all, or targets that are not finite; or a
                hyperparameter with a value that is not allowed.
        """
        self._check_training(train)
        self._fit(train)
        return self

    def _check_training(self, train: Observations) -> None:
        """Raise what ``fit`` raises for bad input; a ``fit_many`` that does not call it must, too."""
        values = {name: value for name, value in self.get_params().items() if name != "seed"}
        check_parameters(type(self).__name__, type(self), values)
        if train.targets is None or len(train) == 0:
            raise InputError(f"{type(self).__name__}.fit needs labelled architectures, got none")
        if train.targets.shape != (len(train),):
            raise InputError(
                f"{type(self).__name__}.fit: targets have shape {train.targets.shape}, "
                f"expected ({len(train)},)"
            )
        bad = np.flatnonzero(~np.isfinite(train.targets))
        if bad.size:
            raise InputError(
                f"{type(self).__name__}.fit: target of training architecture {bad[0]} is "
                f"{train.targets[bad[0]]}; targets must be finite ({bad.size} of {len(train)} are not)"
            )

    def predict(self, query: Observations) -> NDArray[np.float64]:
        """Return one score per architecture, float64 of shape (n,); higher is better.

        Raises:
            NotFittedError: ``fit`` was not called and the predictor needs it.
        """
        if not self.is_fitted:
            raise NotFittedError(f"{type(self).__name__}.predict was called before fit")
        scores = np.asarray(self._predict(query), dtype=np.float64)
        if scores.shape != (len(query),):
            raise ValueError(f"{type(self).__name__} returned shape {scores.shape}, expected ({len(query)},)")
        return scores

    def predict_distribution(self, query: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return predictive mean and standard deviation, both float64 of shape (n,), in percent.

        Raises:
            NotFittedError: ``fit`` was not called and the predictor needs it.
            NotImplementedError: The method has no predictive uncertainty.
        """
        if not self.is_fitted:
            raise NotFittedError(f"{type(self).__name__}.predict_distribution was called before fit")
        return self._predict_distribution(query)

    def _predict_distribution(self, query: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Override it, with the tag ``uncertainty``, if the method has predictive uncertainty."""
        del query
        raise NotImplementedError(f"{type(self).__name__} has no predictive uncertainty")

    @classmethod
    def fit_many(cls, predictors: Sequence[Self], trains: Sequence[Observations]) -> None:
        """Fit each predictor on its own training set; override to do it as one program."""
        for predictor, train in zip(predictors, trains, strict=True):
            predictor.fit(train)

    @classmethod
    def info_with(cls, info: PredictorInfo, params: Mapping[str, Any]) -> PredictorInfo:
        """Return what is known of the predictor with these hyperparameters; here, what is known anyway.

        Override it where they decide on what the predictor needs, and raise InputError for those that
        contradict each other: studies are checked with it before anything runs.

        Args:
            info: As registered.
            params: Those that differ from the defaults.
        """
        del params
        return info

    @property
    def is_fitted(self) -> bool:
        """Whether there is learned state."""
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    @property
    def encodings(self) -> tuple[str, ...]:
        """Names of the shared encodings that it asks its observations for.

        They are then made once for a whole table (``encodings.shared``); others, and those of
        predictors that do not tell, are made for each fit. Here: the hyperparameter ``encoding``,
        if there is one.
        """
        encoding = self.get_params().get("encoding")
        return (encoding,) if isinstance(encoding, str) else ()

    @property
    def proxies(self) -> tuple[tuple[Setting, Proxy], ...]:
        """The zero-cost proxies whose scores it gives or uses as features, and their setting; here none.

        Whoever scores a network in this setting in the same study then computes these, too, with few further
        passes.
        """
        return ()

    def get_params(self) -> dict[str, Any]:
        """Return the constructor's arguments with their current values."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @abstractmethod
    def _fit(self, train: Observations) -> None: ...

    @abstractmethod
    def _predict(self, query: Observations) -> NDArray[np.float64] | NDArray[np.float32]: ...

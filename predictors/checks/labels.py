"""Checks for predictors that learn from labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.base import NotFittedError
from predictors.checks.case import Case, Check
from predictors.checks.general import check_output
from predictors.checks.helpers import TOLERANCE, raises, refuses
from predictors.parameters import Parameter, declared_parameters


def check_before_fit(case: Case) -> None:
    """Predicting before ``fit`` is refused."""
    predictor = case.make()
    assert not predictor.is_fitted, "is_fitted is true before fit"
    raises(NotFittedError, lambda: predictor.predict(case.query))
    if case.info.uncertainty:
        raises(NotFittedError, lambda: predictor.predict_distribution(case.query))


def check_fit_returns_self(case: Case) -> None:
    """``fit`` returns the predictor, which then has learned state."""
    predictor = case.make()
    assert predictor.fit(case.train) is predictor, "fit does not return self"
    assert predictor.is_fitted, "is_fitted is false after fit"


def check_five_points(case: Case) -> None:
    """Five training architectures give a ranking, or as many as the predictor says that it needs."""
    small = replace(case, train=case.train.take(slice(0, max(5, case.info.ranks_from))))
    check_output(small)


def check_one_point(case: Case) -> None:
    """A single training architecture is not an error."""
    scores = replace(case, train=case.train.take(slice(0, 1))).scores()
    assert np.all(np.isfinite(scores)), "scores are not finite"


def check_duplicate_rows(case: Case) -> None:
    """The same architectures several times, with equal and with different labels."""
    rows = np.concatenate([np.arange(6), np.arange(6), np.arange(6)])
    train = case.train.take(rows)
    check_output(replace(case, train=train))
    assert train.targets is not None
    noisy = replace(train, targets=train.targets + np.linspace(0.0, 1.0, len(rows)))
    check_output(replace(case, train=noisy))


def check_constant_targets(case: Case) -> None:
    """Equal labels do not crash; on the percent scale the prediction is that label."""
    # 0.1 has no exact binary form, so a careless mean of many is not 70.1.
    equal = replace(case.train, targets=np.full(len(case.train), 70.1))
    scores = replace(case, train=equal).scores()
    assert np.all(np.isfinite(scores)), "scores are not finite"
    if case.info.percent:
        assert np.all(scores == 70.1), "equal labels give other predictions"


def check_refuses_bad_targets(case: Case) -> None:
    """NaN, infinite, missing or misshapen labels are an InputError that says which."""
    assert case.train.targets is not None
    for bad in (np.nan, np.inf, -np.inf):
        targets = case.train.targets.copy()
        targets[3] = bad
        refuses(partial(case.make().fit, replace(case.train, targets=targets)), "3", str(bad))
    short = case.train.targets[:-1]
    refuses(lambda: case.make().fit(replace(case.train, targets=short)), "shape")
    refuses(lambda: case.make().fit(case.query))
    refuses(lambda: case.make().fit(case.train.take(slice(0, 0))))


def check_direction(case: Case) -> None:
    """Higher is better: training architectures are ranked roughly by their labels."""
    targets = case.train.targets
    assert targets is not None
    scores = case.fitted().predict(case.train)
    agreement = np.sign(targets[:, None] - targets) * np.sign(scores[:, None] - scores)
    assert agreement.mean() > 0.3, f"rank agreement with the training labels is {agreement.mean():.2f}"


def check_percent(case: Case) -> None:
    """Tagged percent: predictions shift and scale with the labels."""
    if not case.info.percent:
        return
    assert case.train.targets is not None
    scores = case.scores()
    low, spread = case.train.targets.min(), np.ptp(case.train.targets)
    assert np.all((scores > low - 2 * spread) & (scores < low + 3 * spread)), "not on the scale of the labels"
    moved = replace(case, train=replace(case.train, targets=0.25 * case.train.targets + 8.0))
    # Powers of two keep the standardised labels, hence the model, almost to the last bit; ties
    # between equally good splits may still fall otherwise, so this is no equality.
    drift = np.abs(moved.scores() - (0.25 * scores + 8.0))
    assert np.median(drift) < 0.1 * spread, "predictions do not follow the scale of the labels"


def check_refit(case: Case) -> None:
    """A second ``fit`` forgets the first, also if that had no model to learn."""
    predictor = case.make(seed=1).fit(case.train.take(slice(0, 7)))
    assert np.array_equal(predictor.fit(case.train).predict(case.query), case.scores(seed=1))
    predictor.fit(case.train.take(slice(0, 1)))
    assert np.array_equal(predictor.fit(case.train).predict(case.query), case.scores(seed=1))


def check_fit_many(case: Case) -> None:
    """Fitted together, predictors are the same as fitted one by one."""
    trains = [case.train.take(slice(start, start + 12)) for start in (0, 6, 12)]
    together = [case.make(seed) for seed in range(3)]
    case.cls.fit_many(together, trains)
    for seed, (predictor, train) in enumerate(zip(together, trains, strict=True)):
        alone = case.make(seed).fit(train)
        np.testing.assert_allclose(predictor.predict(case.query), alone.predict(case.query), rtol=TOLERANCE)


def check_parameters_matter(case: Case) -> None:
    """Every hyperparameter changes the fitted model at some legal value, with all or half of the labels."""
    reference = case.scores()
    half = replace(case, train=case.train.take(slice(0, len(case.train) // 2)))
    for name, parameter in declared_parameters(case.cls).items():
        value = case.params.get(name, parameter.default)
        others = [case.others[name]] if name in case.others else _others(parameter, value)
        different = _differ(case, reference, name, others) or _differ(half, half.scores(), name, others)
        assert different, f"parameter {name} has no effect"


def _differ(case: Case, reference: NDArray[np.float64], name: str, others: Sequence[Any]) -> bool:
    return any(not np.array_equal(case.scores(0, {name: other}), reference) for other in others)


def check_no_numerical_warnings(case: Case) -> None:
    """Small and duplicate training sets cause no overflow, division by zero or the like."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        case.scores()
        check_five_points(case)
        check_duplicate_rows(case)


LABEL_CHECKS: tuple[Check, ...] = (
    check_before_fit,
    check_fit_returns_self,
    check_five_points,
    check_one_point,
    check_duplicate_rows,
    check_constant_targets,
    check_refuses_bad_targets,
    check_direction,
    check_percent,
    check_refit,
    check_fit_many,
    check_parameters_matter,
    check_no_numerical_warnings,
)
"""For predictors that learn from labels."""


def _others(parameter: Parameter, value: object) -> list[object]:
    """Return legal values other than ``value``, nearer ones first."""
    if parameter.choices:
        candidates: list[object] = list(parameter.choices)
    elif isinstance(value, bool):
        candidates = [not value]
    elif isinstance(value, int | float):
        candidates = [type(value)(value * factor) for factor in (0.5, 2, 0.25, 4, 16)]
        candidates.append(value + 1)
        if parameter.range is not None:
            candidates.append(type(value)(parameter.range.low))
    elif isinstance(value, tuple):
        candidates = [value[:-1], value[1:]]
    elif isinstance(value, dict):
        candidates = [{}]
    else:
        candidates = []
    return [other for other in candidates if other != value and _is_legal(parameter, other)]


def _is_legal(parameter: Parameter, value: object) -> bool:
    try:
        parameter.convert(value)
    except ValueError:
        return False
    return True

"""Checks for predictors that read the partial training of the query architecture."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from predictors.checks.case import Case
from predictors.checks.helpers import refuses
from predictors.checks.labels import check_parameters_matter
from predictors.observations import Observations

_Change = Callable[[NDArray[np.float32]], NDArray[np.floating]]


def check_curve_direction(case: Case) -> None:
    """Higher is better: architectures whose curves end higher (losses lower) score higher."""
    last = case.query.curves["val_acc_curve"][:, -1]
    scores = case.scores()
    agreement = np.sign(last[:, None] - last) * np.sign(scores[:, None] - scores)
    assert agreement.mean() > 0.3, f"rank agreement with the end of the curves is {agreement.mean():.2f}"


def check_curve_one_epoch(case: Case) -> None:
    """A single epoch is enough for a ranking."""
    scores = _with_curves(case, lambda values: values[:, :1]).scores()
    assert np.all(np.isfinite(scores)), "scores are not finite"
    assert np.ptp(scores) > 0, "all scores are equal"


def check_curve_constant(case: Case) -> None:
    """Curves that are flat, and the same for all architectures, are no error.

    The scores are then equal, unless the predictor looks at the cell or the network as well.
    """
    scores = _with_curves(case, lambda values: np.full_like(values, 50.0)).scores()
    assert np.all(np.isfinite(scores)), "scores are not finite"
    if case.make().encodings or "images" in case.info.needs:
        return
    assert np.ptp(scores) <= 1e-6 * abs(scores[0]), "equal curves have different scores"


def check_curve_memory_layout(case: Case) -> None:
    """The same numbers, stored in another order, in another precision or as a view, score the same."""
    scores = case.scores()
    for change in (np.asfortranarray, partial(np.asarray, dtype=np.float64), lambda v: v[::-1][::-1]):
        other = _with_curves(case, change).scores()
        np.testing.assert_allclose(other, scores, rtol=1e-9)


def check_curve_names_in_any_order(case: Case) -> None:
    """The order in which the curves are listed has no effect."""

    def turned(part: Observations) -> Observations:
        return replace(part, curves=dict(reversed(list(part.curves.items()))))

    other = replace(case, train=turned(case.train), query=turned(case.query))
    assert np.array_equal(other.scores(), case.scores()), "other scores with curves in another order"


def check_curve_only_those_declared(case: Case) -> None:
    """The curves that the tags name are all that is read."""
    if not case.info.curves:
        return

    def narrow(part: Observations) -> Observations:
        return replace(part, curves={name: part.curves[name] for name in case.info.curves})

    other = replace(case, train=narrow(case.train), query=narrow(case.query))
    assert np.array_equal(other.scores(), case.scores()), "other scores without the other curves"


def check_curve_missing(case: Case) -> None:
    """Observations without curves are refused; the message names the curve."""
    predictor = case.fitted()
    name = case.info.curves[0] if case.info.curves else "curve"
    refuses(lambda: predictor.predict(replace(case.query, curves={})), name)


def check_curve_not_finite(case: Case) -> None:
    """NaN and infinity are refused; the message names the architecture and the epoch."""
    predictor = case.fitted()
    for bad in (np.nan, np.inf, -np.inf):

        def spoil(values: NDArray[np.float32], bad: float = bad) -> NDArray[np.float32]:
            values = values.copy()
            values[3, 1] = bad
            return values

        spoiled = replace(case.query, curves={name: spoil(v) for name, v in case.query.curves.items()})
        refuses(partial(predictor.predict, spoiled), "architecture 3", "epoch 2", str(bad))


def check_curve_parameters_matter(case: Case) -> None:
    """Every hyperparameter has an effect."""
    check_parameters_matter(case)


def check_curve_no_numerical_warnings(case: Case) -> None:
    """Curves of one epoch, flat ones and those of large losses cause no overflow or the like."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        case.scores()
        for change in (lambda v: v[:, :1], np.zeros_like, lambda v: np.full_like(v, 100.0)):
            _with_curves(case, change).scores()
        diverging = {name: 1e6 * v if "loss" in name else v for name, v in case.query.curves.items()}
        scores = replace(case, query=replace(case.query, curves=diverging)).scores()
        assert np.all(np.isfinite(scores)), "scores are not finite"


CURVE_CHECKS = (
    check_curve_direction,
    check_curve_one_epoch,
    check_curve_constant,
    check_curve_memory_layout,
    check_curve_names_in_any_order,
    check_curve_only_those_declared,
    check_curve_missing,
    check_curve_not_finite,
    check_curve_parameters_matter,
    check_curve_no_numerical_warnings,
)
"""For predictors that read learning curves."""


def _with_curves(case: Case, change: _Change) -> Case:
    """Return a case whose curves, for training and query alike, are changed."""

    def changed(part: Observations) -> Observations:
        curves = {name: change(values) for name, values in part.curves.items()}
        return replace(part, curves=curves)

    return replace(case, train=changed(case.train), query=changed(case.query))

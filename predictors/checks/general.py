"""Checks for every predictor."""

from __future__ import annotations

import pickle
import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import numpy as np

from predictors.base import Predictor
from predictors.checks.case import Case, Check
from predictors.checks.helpers import TOLERANCE, raises, refuses, same
from predictors.observations import Observations
from predictors.parameters import Parameter, declared_parameters


def check_info(case: Case) -> None:
    """Name and tags make sense, and the target is the class."""
    info = case.info
    assert re.fullmatch(r"[a-z][a-z0-9_]*", info.name), (
        f"name {info.name!r} is not in lower case with underscores"
    )
    assert info.needs, "needs is empty"
    assert info.version >= 1, "version must be at least 1"
    assert info.num_gpus in (0, 0.25, 0.5, 1), "num_gpus must be 0, 0.25, 0.5 or 1"
    assert info.cost_s > 0, "cost_s must be positive"
    assert info.summary, "summary is empty"
    assert info.target == f"{case.cls.__module__}:{case.cls.__qualname__}", f"target is {info.target}"


def check_constructor_only_stores(case: Case) -> None:
    """The constructor keeps its arguments, unchanged, and nothing else."""
    values = {name: parameter.default for name, parameter in declared_parameters(case.cls).items()}
    predictor = case.make(seed=7)
    expected = {**values, **case.params, "seed": 7}
    assert vars(predictor) == expected, f"attributes are {vars(predictor)}, arguments were {expected}"


def check_get_params_round_trip(case: Case) -> None:
    """``get_params`` gives what makes an equal predictor."""
    factory: Callable[..., Predictor] = case.cls
    params = case.make(seed=3).get_params()
    assert params["seed"] == 3, "seed is not among the parameters"
    assert factory(**params).get_params() == params, "get_params changes in a round trip"


def check_parameters_declared(case: Case) -> None:
    """Every hyperparameter has a legal default and a declared type; illegal values are refused."""
    for name, parameter in declared_parameters(case.cls).items():
        assert parameter.types or parameter.choices, f"{name} has no declared type"
        assert parameter.convert(parameter.default) == parameter.default, f"default of {name}"
        for wrong in _illegal(parameter):
            refuses(partial(case.make, 0, {name: wrong}), name, repr(wrong))
    refuses(lambda: case.make(0, {"no_such_parameter": 1}), "no_such_parameter", case.info.name)


def check_output(case: Case) -> None:
    """One finite float64 per architecture, not all equal; NaN, with a reason, only if tagged so."""
    predictor = case.fitted()
    scores = predictor.predict(case.query)
    assert scores.shape == (len(case.query),), f"shape {scores.shape}"
    assert scores.dtype == np.float64, f"dtype {scores.dtype}"
    if case.info.undefined:
        missing = np.isnan(scores)
        assert [reason != "" for reason in predictor.undefined_] == missing.tolist(), "NaN without a reason"
        scores = scores[~missing]
    assert np.all(np.isfinite(scores)), "scores are not finite"
    assert np.ptp(scores) > 0, "all scores are equal"


def check_deterministic(case: Case) -> None:
    """The same seed gives the same scores, bit for bit; so does any seed if the tag says so."""
    scores = case.scores(seed=5)
    assert same(scores, case.scores(seed=5)), "two runs with one seed differ"
    if case.info.deterministic:
        assert same(scores, case.scores(seed=6)), "tagged deterministic, but the seed has an effect"


def check_largest_seed(case: Case) -> None:
    """Seeds up to 2**32 - 1 work."""
    scores = case.scores(seed=2**32 - 1)
    assert np.all(np.isfinite(scores) | (np.isnan(scores) & case.info.undefined)), "scores are not finite"


def check_global_state_untouched(case: Case) -> None:
    """No global generator, default dtype or thread count changes."""
    before = _global_state()
    case.scores()
    assert pickle.dumps(before) == pickle.dumps(_global_state()), "global random or torch state changed"


def check_inputs_untouched(case: Case) -> None:
    """Works on read-only arrays, and leaves writable ones as they are."""
    before = pickle.dumps((case.train, case.query))
    writable = case.scores()
    assert pickle.dumps((case.train, case.query)) == before, "fit or predict changed its input"
    frozen = replace(case, train=_read_only(case.train), query=_read_only(case.query))
    assert same(frozen.scores(), writable), "read-only arrays give other scores"


def check_query_order(case: Case) -> None:
    """An architecture's score does not depend on its place in the query."""
    order = np.random.default_rng(0).permutation(len(case.query))
    predictor = case.fitted()
    scores, permuted = predictor.predict(case.query), predictor.predict(case.query.take(order))
    np.testing.assert_allclose(permuted, scores[order], rtol=TOLERANCE)


def check_query_batches(case: Case) -> None:
    """An architecture's score does not depend on the others in the query."""
    predictor = case.fitted()
    whole = predictor.predict(case.query)
    pieces = (slice(0, 1), slice(1, 8), slice(8, None))
    parts = [predictor.predict(case.query.take(piece)) for piece in pieces]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=TOLERANCE)


def check_equal_queries_tie(case: Case) -> None:
    """The same architecture twice in a query has the same score, to the last bit."""
    rows = np.tile(np.arange(len(case.query)), 2)
    first, second = case.fitted().predict(case.query.take(rows)).reshape(2, -1)
    assert same(first, second), "equal architectures have different scores"


def check_empty_query(case: Case) -> None:
    """No architecture, no score."""
    scores = case.fitted().predict(case.query.take(slice(0, 0)))
    assert scores.shape == (0,), f"shape {scores.shape}"
    assert scores.dtype == np.float64, f"dtype {scores.dtype}"


def check_predict_twice(case: Case) -> None:
    """Predicting changes nothing."""
    predictor = case.fitted()
    first = predictor.predict(case.query)
    predictor.predict(case.query.take(slice(None, None, -1)))
    assert same(first, predictor.predict(case.query)), "a second query gives other scores"


def check_pickles(case: Case) -> None:
    """Pickled and read back, before and after ``fit``, it gives the same scores."""
    scores = case.scores(seed=2)
    fresh = pickle.loads(pickle.dumps(case.make(seed=2)))
    if "labels" in case.info.needs:
        fresh.fit(case.train)
    assert same(fresh.predict(case.query), scores), "pickled before fit: other scores"
    fitted = pickle.loads(pickle.dumps(case.fitted(seed=2)))
    assert same(fitted.predict(case.query), scores), "pickled after fit: other scores"


def check_distribution(case: Case) -> None:
    """Mean and standard deviation if tagged so (the mean being the prediction); else a clear refusal."""
    predictor = case.fitted()
    if not case.info.uncertainty:
        raises(NotImplementedError, lambda: predictor.predict_distribution(case.query))
        return
    mean, std = predictor.predict_distribution(case.query)
    for part in (mean, std):
        assert part.shape == (len(case.query),), f"shape {part.shape}"
        assert part.dtype == np.float64, f"dtype {part.dtype}"
        assert np.all(np.isfinite(part)), "not finite"
    np.testing.assert_allclose(mean, predictor.predict(case.query), rtol=TOLERANCE)
    assert np.all(std >= 0), "negative standard deviation"
    assert np.any(std > 0), "all standard deviations are zero"


CHECKS: tuple[Check, ...] = (
    check_info,
    check_constructor_only_stores,
    check_get_params_round_trip,
    check_parameters_declared,
    check_output,
    check_deterministic,
    check_largest_seed,
    check_global_state_untouched,
    check_inputs_untouched,
    check_query_order,
    check_query_batches,
    check_equal_queries_tie,
    check_empty_query,
    check_predict_twice,
    check_pickles,
    check_distribution,
)
"""For every predictor."""


def _illegal(parameter: Parameter) -> list[object]:
    wrong: list[object] = [object()]
    if parameter.range is not None:
        wrong += [parameter.range.low - 1, float("nan")]
    if parameter.choices or str in parameter.types:
        wrong.append(-1)
    elif parameter.types:
        wrong.append("text")
    return wrong


def _read_only(observations: Observations) -> Observations:
    copy = observations.take(np.arange(len(observations)))
    for array in (copy.codes, copy.targets, *copy.curves.values()):
        if array is not None:
            array.setflags(write=False)
    return copy


def _global_state() -> list[object]:
    state: list[object] = [random.getstate(), np.random.get_state(legacy=False), np.geterr()]  # noqa: NPY002 - watched, not used
    if find_spec("torch") is not None:
        import torch

        generator_state = torch.random.get_rng_state().numpy().tobytes()
        state += [generator_state, str(torch.get_default_dtype()), torch.get_num_threads()]
        state.append(torch.is_grad_enabled())
    return state

"""Checks for predictors that score networks on images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from predictors.checks.case import Case
from predictors.checks.helpers import refuses, same
from predictors.zero_cost.cache import MemoryCache, using_scores


def check_images_missing(case: Case) -> None:
    """Images that are not there are refused; the message names them."""
    refuses(lambda: case.scores(changes={"images": "no/such/file.npz"}), "no/such/file.npz")


def check_images_replicates_differ(case: Case) -> None:
    """Another replicate is another initialisation, of networks or of a supernet."""
    assert not same(case.scores(), case.scores(changes={"replicate": 1})), "a replicate gives the same scores"


def check_images_times(case: Case) -> None:
    """Each architecture has its own time."""
    predictor = case.fitted()
    predictor.predict(case.query)
    seconds = predictor.query_seconds_
    assert seconds is not None, "query_seconds_ is not set"
    assert seconds.shape == (len(case.query),), f"shape {seconds.shape}"
    assert np.all(seconds > 0), "no time was taken"


def check_images_stored_scores(case: Case) -> None:
    """A stored score is the computed one, with the time that the computation took."""
    predictor, cache = case.fitted(), MemoryCache()
    anew = predictor.predict(case.query)
    with using_scores(cache):
        first = predictor.predict(case.query)
        times = predictor.query_seconds_
        kept = len(cache)
        second = predictor.predict(case.query.take(slice(None, None, -1)))[::-1]
    assert kept == len(cache) == len(set(case.query.archs)), "an architecture was scored twice or not kept"
    assert same(anew, first), "other scores with a store"
    assert same(first, second), "the store gives other scores"
    assert times is not None
    assert predictor.query_seconds_ is not None
    # What is done with the scores takes its own time, each time.
    if "labels" not in case.info.needs:
        assert same(times, predictor.query_seconds_[::-1]), "a stored score has another time"
    assert np.all(predictor.query_seconds_[::-1] > 0.5 * times), "the time of a stored score is left out"


def check_images_data_set_unknown(case: Case) -> None:
    """A data set with an unknown number of classes is refused."""
    query = replace(case.query, dataset=replace(case.query.dataset, num_classes=None))
    refuses(lambda: case.fitted().predict(query), "num_classes")


IMAGE_CHECKS = (
    check_images_missing,
    check_images_replicates_differ,
    check_images_times,
    check_images_data_set_unknown,
)
"""For predictors that score networks on images."""

SCORE_CHECKS = (check_images_stored_scores,)
"""For those of them that score untrained networks, one by one."""

"""Checks for predictors that train a supernet."""

from __future__ import annotations

from predictors.checks.case import Case
from predictors.checks.helpers import same
from predictors.weight_sharing.checkpoints import MemoryCheckpoints, using_checkpoints


def check_supernet_setup_time(case: Case) -> None:
    """The training of the supernet has a time of its own, the same for every query that it serves."""
    predictor, again = case.fitted(), case.fitted()
    predictor.predict(case.query)
    again.predict(case.query.take(slice(0, 1)))
    assert predictor.setup_seconds_ > 0, "setup_seconds_ is not set"
    assert again.setup_seconds_ == predictor.setup_seconds_, "the supernet was trained again"


def check_supernet_checkpoints(case: Case) -> None:
    """A supernet that was trained elsewhere is loaded: the same scores and the same training time."""
    from predictors.weight_sharing.trained import forget_trained

    first, second, kept = case.fitted(seed=4), case.fitted(seed=4), MemoryCheckpoints()
    forget_trained()
    with using_checkpoints(kept):
        here = first.predict(case.query)
        written = kept.written
        forget_trained()
        there = second.predict(case.query)
    assert written > 0, "no checkpoint was written"
    assert kept.written == written, "a finished supernet was trained again"
    assert same(here, there), "the loaded supernet gives other scores"
    assert first.setup_seconds_ == second.setup_seconds_, "the time of the training is lost"


def check_supernet_of_a_replicate(case: Case) -> None:
    """Trials that name a replicate share its supernet; others have one each."""
    one, two = (case.scores(seed, {"replicate": 3}) for seed in (0, 1))
    assert same(one, two), "a replicate depends on the seed"
    kept = MemoryCheckpoints()
    with using_checkpoints(kept):
        for seed in (10, 11):
            case.scores(seed)
    assert len(kept) == 2, "two seeds share a supernet"


SUPERNET_CHECKS = (
    check_supernet_setup_time,
    check_supernet_checkpoints,
    check_supernet_of_a_replicate,
)
"""For predictors that train a supernet."""

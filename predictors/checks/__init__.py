"""Checks that every predictor must pass, for the ones of naspred and of third parties alike.

    from predictors import checks
    case = checks.make_case("my_predictor", space, dataset)
    for check in checks.checks_for(case.info):
        check(case)

A check returns nothing and raises AssertionError. All of them use small synthetic training sets.
``scores_in_other_process`` completes them: run it once for all predictors.
"""

from __future__ import annotations

from predictors.base import PredictorInfo
from predictors.checks.case import Case, Check, make_case, scores_in_other_process
from predictors.checks.curves import CURVE_CHECKS
from predictors.checks.general import CHECKS
from predictors.checks.images import IMAGE_CHECKS, SCORE_CHECKS
from predictors.checks.labels import LABEL_CHECKS
from predictors.checks.supernets import SUPERNET_CHECKS

__all__ = [
    "CHECKS",
    "CURVE_CHECKS",
    "IMAGE_CHECKS",
    "LABEL_CHECKS",
    "SCORE_CHECKS",
    "SUPERNET_CHECKS",
    "Case",
    "Check",
    "checks_for",
    "make_case",
    "scores_in_other_process",
]


def checks_for(info: PredictorInfo) -> tuple[Check, ...]:
    """Return the checks that apply to a predictor."""
    labels = LABEL_CHECKS if "labels" in info.needs else ()
    curves = CURVE_CHECKS if "curves" in info.needs else ()
    images = IMAGE_CHECKS if "images" in info.needs else ()
    supernets = SUPERNET_CHECKS if "supernet" in info.needs else ()
    scores = SCORE_CHECKS if images and not supernets else ()
    return (*CHECKS, *labels, *curves, *images, *scores, *supernets)

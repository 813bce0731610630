"""Every registered predictor, on a space of each layout, against every check that applies to it."""

import numpy as np
import pytest

from predictors import checks, registry
from predictors.zero_cost.cache import MemoryCache, using_scores
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

SPACES = {
    "edges": (NasBench201(), DatasetInfo("cifar10", 10, 32)),
    "vertices": (DagSpace("dag", ("in", "conv", "pool", "skip", "out"), 6), DatasetInfo("own")),
}
# For what scores networks on images: it builds them, so they are small and few.
IMAGES = (NasBench201(), DatasetInfo("noise", 3, 8, 1))
TINY = {"images": "noise", "batch": 6, "channels": 4, "cells": 1}
BRIEF = {"epochs": 2, "steps": 2, "val_images": 200, "bn_batches": 1, "learning_rate": 0.2}
# With other features beside; "auto" are other images of this data set.
DIGITS = (NasBench201(), DatasetInfo("digits", 55, 8, 1))
SMALLEST = {"images": "noise", "batch": 4, "channels": 2, "cells": 1}
OTHER_TEXTS = {"images": "auto", "model": "rf"}

# Fewer trees save time and change nothing that is checked; defaults are tested in test_regressors.py.
QUICK = {
    "ngb": {"n_estimators": 40},
    "rf": {"n_estimators": 20},
    "xgb": {"rounds": 30},
    "lgb": {"rounds": 60},
    "gp": {"steps": 40, "learning_rate": 0.05},
    "sparse_gp": {"steps": 40, "learning_rate": 0.05},
    "var_sparse_gp": {"steps": 40, "learning_rate": 0.05},
    "mlp": {"depth": 3, "epochs": 60, "learning_rate": 0.01, "targets": "standardised"},
    "bananas": {"depth": 3, "epochs": 60, "learning_rate": 0.01, "targets": "standardised"},
    "gcn": {"hidden": 16, "epochs": 5, "min_steps": 80},
    "bonas": {"hidden": 16, "epochs": 60, "learning_rate": 0.01},
    "nao": {"hidden": 32, "epochs": 10, "min_steps": 10, "batch": 24, "learning_rate": 0.05},
    "seminas": {
        "hidden": 32,
        "epochs": 6,
        "min_steps": 6,
        "batch": 48,
        "learning_rate": 0.05,
        "later_rate": 1.0,
        "unlabelled": 0.5,
    },
    "dngo": {"width": 20, "epochs": 20},
    "bohamiann": {"width": 20, "steps": 60},
    "lce": {"particles": 20},
    "lce_m": {"pairs": 16, "steps": 10},
    "lcsvr": {"configs": 12},
    "omni": {**SMALLEST, "model": "bayes_lin_reg", "settings": {"encoding": "path"}},
    "omni_ngb": {**SMALLEST, "configs": 2, "stages": 4},
    "omni_seminas": {**SMALLEST, "hidden": 16, "epochs": 3, "min_steps": 3, "learning_rate": 0.05},
}

LABELS = {
    "rf",
    "xgb",
    "lgb",
    "ngb",
    "gp",
    "bayes_lin_reg",
    "gpwl",
    "sparse_gp",
    "var_sparse_gp",
    "mlp",
    "bananas",
    "gcn",
    "bonas",
    "nao",
    "seminas",
    "dngo",
    "bohamiann",
}
COUNTS = {"params", "flops"}
CURVES = {"valacc", "valloss", "sotl", "sotle", "sotlema"}
# Slow, and without a look at architectures: one space is enough.
SAMPLED_CURVES = {"lce", "lce_m"}
HYBRID = {"lcsvr"}
OMNI = {"omni", "omni_ngb", "omni_seminas"}
# The same with fewer features: see predictors/hybrid/test_omni.py.
ABLATIONS = {"omni_ngb_no_lce", "omni_ngb_no_zerocost", "omni_ngb_no_encoding", "omni_seminas_no_lce"}
ZERO_COST = {
    "fisher",
    "grad_norm",
    "grasp",
    "jacov",
    "snip",
    "synflow",
    "nwot",
    "zen",
    "epe_nas",
    "plain",
    "l2_norm",
}
# Scores of the networks of OMNI; checks of the proxies themselves compute theirs.
STORED = MemoryCache()
SUPERNETS = {"oneshot", "rsws"}
FOR_ALL, FOR_LABELS, FOR_CURVES, FOR_IMAGES, FOR_SCORES, FOR_SUPERNETS = 16, 13, 10, 4, 1, 3


def _applies(info, space):
    codes, (kind, dataset) = None, space
    codes = kind.sample(np.random.default_rng(0), 1)
    if "counts" in info.needs:
        try:
            kind.count(codes, dataset)
        except InputError:
            return False
    return info.spaces is None or kind.name in info.spaces


CASES = [
    pytest.param(info.name, key, id=f"{info.name}-{key}")
    for info in registry.all_infos()
    for key, space in ({"images": IMAGES} if "images" in info.needs else SPACES).items()
    if _applies(info, space) and not (info.name in SAMPLED_CURVES and key == "vertices")
    if info.name not in ABLATIONS
]
PAIRS = [
    pytest.param(*case.values, check, id=f"{case.id}-{check.__name__}")
    for case in CASES
    for check in checks.checks_for(registry.get_info(case.values[0]))
]


def _case(name, key):
    if name in OMNI:
        others = {key: text for key, text in OTHER_TEXTS.items() if key in registry.get_parameters(name)}
        return checks.make_case(name, *DIGITS, params=QUICK[name], others=others, n_train=16, n_query=8)
    if key == "images":
        params = {**TINY, **(BRIEF if name in SUPERNETS else {})}
        return checks.make_case(name, *IMAGES, params=params, n_train=2, n_query=2)
    space, dataset = SPACES[key]
    return checks.make_case(name, space, dataset, params=QUICK.get(name))


@pytest.mark.parametrize(("name", "key", "check"), PAIRS)
def test_check(name, key, check):
    if name not in OMNI:
        check(_case(name, key))
        return
    with using_scores(STORED):
        check(_case(name, key))


def test_same_scores_in_another_process():
    cases = [_case(*case.values) for case in CASES]
    for case, there in zip(cases, checks.scores_in_other_process(cases), strict=True):
        assert np.array_equal(case.scores(), there), case.info.name


def test_every_predictor_is_checked_on_every_space_that_it_runs_on():
    ran = {case.values[0] + "-" + case.values[1] for case in CASES}
    everywhere = {f"{name}-{key}" for name in LABELS | CURVES | HYBRID for key in SPACES}
    assert ran == everywhere | {f"{name}-edges" for name in COUNTS | SAMPLED_CURVES} | {
        f"{name}-images" for name in ZERO_COST | OMNI | SUPERNETS
    }


def test_number_of_checks_per_predictor():
    counted = {}
    for pair in PAIRS:
        name, key, _ = pair.values
        counted[name, key] = counted.get((name, key), 0) + 1
    for (name, _), count in counted.items():
        more = (
            FOR_LABELS * (name in LABELS | HYBRID | OMNI)
            + FOR_CURVES * (name in CURVES | SAMPLED_CURVES | HYBRID | OMNI)
            + FOR_IMAGES * (name in ZERO_COST | OMNI | SUPERNETS)
            + FOR_SCORES * (name in ZERO_COST | OMNI)
            + FOR_SUPERNETS * (name in SUPERNETS)
        )
        assert count == FOR_ALL + more, name
    assert len(PAIRS) == sum(
        FOR_ALL * len(names) * spaces + more
        for names, spaces, more in (
            (LABELS | CURVES | HYBRID, len(SPACES), 0),
            (COUNTS, 1, 0),
            (SAMPLED_CURVES, 1, FOR_CURVES * len(SAMPLED_CURVES)),
            (ZERO_COST, 1, (FOR_IMAGES + FOR_SCORES) * len(ZERO_COST)),
            (SUPERNETS, 1, (FOR_IMAGES + FOR_SUPERNETS) * len(SUPERNETS)),
            (OMNI, 1, (FOR_LABELS + FOR_CURVES + FOR_IMAGES + FOR_SCORES) * len(OMNI)),
            ((), 0, FOR_LABELS * len(LABELS | HYBRID) * len(SPACES)),
            ((), 0, FOR_CURVES * len(CURVES | HYBRID) * len(SPACES)),
        )
    )


def test_no_check_is_listed_twice_or_left_out():
    from predictors.checks import curves, general, images, labels, supernets

    every = (
        (general, checks.CHECKS),
        (labels, checks.LABEL_CHECKS),
        (curves, checks.CURVE_CHECKS),
        (images, checks.IMAGE_CHECKS + checks.SCORE_CHECKS),
        (supernets, checks.SUPERNET_CHECKS),
    )
    for module, listed in every:
        defined = {
            name
            for name, value in vars(module).items()
            if name.startswith("check_") and value.__module__ == module.__name__
        }
        assert [check.__name__ for check in listed] == list(dict.fromkeys(check.__name__ for check in listed))
        assert {check.__name__ for check in listed} == defined

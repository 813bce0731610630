"""Scores of many architectures: seeds, stored scores, images."""

from dataclasses import replace

import numpy as np
import pytest

from predictors import registry
from predictors.observations import Observations
from predictors.zero_cost import score_archs as score_archs_module
from predictors.zero_cost.cache import MemoryCache, using_scores
from predictors.zero_cost.images import ImagePool, load_images, why_not
from predictors.zero_cost.score_archs import Setting, score_archs
from predictors.zero_cost.scoring import PROXIES
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE, TINY = NasBench201(), DatasetInfo("tiny", 3, 8, 1)
SETTING = Setting(batch=6, images="noise", size={"channels": 4, "cells": 1})
DEAD = (3, 1, 3, 0, 0, 0)
CODES = np.array([(3, 1, 3, 2, 4, 3), DEAD, (1, 3, 2, 0, 3, 1)], dtype=np.int16)


def _query(codes=CODES):
    return Observations(SPACE, TINY, codes)


def _values(scores):
    return [[score.value for score in row] for row in scores]


def test_scores_do_not_depend_on_order_or_company():
    names = ("snip", "jacov", "zen")
    whole = _values(score_archs(_query(), names, SETTING))
    turned = _values(score_archs(_query(CODES[::-1]), names[::-1], SETTING))
    assert [row[::-1] for row in turned[::-1]] == whole
    assert _values(score_archs(_query(CODES[2:]), ["jacov"], SETTING)) == [[whole[2][1]]]


def test_replicates_and_sizes_change_every_score():
    """All but the data-free ones depend on the images, too."""
    base = _values(score_archs(_query(CODES[:1]), PROXIES, SETTING))[0]
    for other, same in (
        (replace(SETTING, replicate=1), set()),
        (replace(SETTING, size={"channels": 8, "cells": 1}), set()),
        (replace(SETTING, batch=7), {"synflow", "l2_norm"}),
    ):
        changed = _values(score_archs(_query(CODES[:1]), PROXIES, other))[0]
        equal = {name for name, a, b in zip(PROXIES, base, changed, strict=True) if a == b}
        assert equal == same


def test_a_stored_score_is_not_computed_again_with_others(monkeypatch):
    asked = []
    usual = score_archs_module._score

    def watched(query, arch, names, *rest):
        asked.append(tuple(names))
        return usual(query, arch, names, *rest)

    monkeypatch.setattr(score_archs_module, "_score", watched)
    cache = MemoryCache()
    with using_scores(cache, [(SETTING, "l2_norm")]):
        first = score_archs(_query(), ["l2_norm"], SETTING)
    with using_scores(cache, [(SETTING, name) for name in ("l2_norm", "synflow", "plain")]):
        assert score_archs(_query(), ["l2_norm"], SETTING) == first
        assert asked == [("l2_norm",)] * 3
        score_archs(_query(), ["plain"], SETTING)
        assert asked[3:] == [("plain", "synflow")] * 3
        assert score_archs(_query(), ["synflow", "l2_norm"], SETTING)[0][1] == first[0][0]
    assert len(asked) == 6


def test_one_pass_for_all_proxies_of_a_study():
    cache = MemoryCache()
    with using_scores(cache, [(SETTING, name) for name in PROXIES]):
        first = score_archs(_query(), ["snip"], SETTING)
        assert len(cache) == len(PROXIES) * len(CODES)
        again = score_archs(_query(), ["synflow", "snip"], SETTING)
    assert [row[1] for row in again] == [row[0] for row in first]
    assert [row[0].reason for row in again] == ["", "no signal flows through the network", ""]
    alone = score_archs(_query(), ["synflow"], SETTING)
    assert [row[0].value for row in alone] == [row[0].value for row in again]


def test_only_proxies_of_one_setting_are_computed_together():
    cache, other = MemoryCache(), replace(SETTING, batch=7)
    with using_scores(cache, [(SETTING, "l2_norm"), (other, "jacov"), (replace(SETTING), "snip")]):
        score_archs(_query(), ["l2_norm"], SETTING)
        assert len(cache) == 2 * len(CODES)
        score_archs(_query(), ["jacov"], other)
    assert len(cache) == 3 * len(CODES)
    assert hash(replace(SETTING, size=dict(reversed(SETTING.size.items())))) == hash(SETTING)


def test_cells_of_one_canonical_form_are_scored_apart():
    """They compute the same, but their networks differ: no score depends on which came first."""
    codes = np.array([(1, 0, 0, 3, 0, 0), (2, 0, 0, 3, 0, 0)], dtype=np.int16)
    assert len(set(SPACE.canonical_many(codes))) == 1
    cache = MemoryCache()
    with using_scores(cache):
        together = _values(score_archs(_query(codes), ["l2_norm"], SETTING))
    turned = _values(score_archs(_query(codes[::-1]), ["l2_norm"], SETTING))
    assert together == turned[::-1]
    assert together[0] != together[1]
    assert len(cache) == 2


def test_predictor_says_why_there_is_no_score():
    jacov = registry.create("jacov", {"images": "noise", "batch": 6, "channels": 4, "cells": 1}, seed=0)
    scores = jacov.predict(_query())
    assert np.isnan(scores).tolist() == [False, True, False]
    assert jacov.undefined_ == ("", "no gradient reaches the input", "")
    assert (jacov.query_seconds_ > 0).all()


def test_unknown_size():
    darts = replace(SETTING, size={"cells": 1, "width": 3})
    with pytest.raises(InputError, match="unknown size 'width'"):
        score_archs(_query(), ["snip"], darts)


def test_mini_batches():
    pool = load_images("noise", TINY)
    one, two = pool.draw(8, "a", 0), pool.draw(8, "a", 0)
    assert np.array_equal(one.images, two.images)
    assert not np.array_equal(one.images, pool.draw(8, "a", 1).images)
    assert len({tuple(image.ravel()) for image in one.images}) == 8
    with pytest.raises(InputError, match="batch is 5000, but there are only 1024 images"):
        pool.draw(5000, "a")


def test_the_digest_of_a_pool_is_that_of_its_content():
    images, labels = np.zeros((4, 1, 2, 2), dtype=np.float32), np.arange(4)
    changed = images.copy()
    changed[3, 0, 1, 1] = 1e-6
    digests = {ImagePool.of(a, b, c).digest for a, b, c in (
        (images, labels, 4), (changed, labels, 4), (images, labels[::-1], 4), (images, labels, 5),
    )}  # fmt: skip
    assert len(digests) == 4
    assert ImagePool.of(images.copy(), labels.copy(), 4).digest in digests


def test_digits_are_there_for_the_data_set_of_that_name():
    digits = DatasetInfo("digits", 55, 8, 1)
    assert why_not("auto", digits) == ""
    pool = load_images("auto", digits)
    assert pool.images.shape == (4096, 1, 8, 8)
    assert set(pool.labels) == set(range(55))
    with pytest.raises(InputError, match="images digits: 55 classes, but digits has 10"):
        load_images("digits", DatasetInfo("digits", 10, 8, 1))


def test_images_of_a_file(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=rng.integers(256, size=(60, 8, 8, 3), dtype=np.uint8), y_train=np.arange(60) % 3)
    mine = DatasetInfo("mine", 3, 8, 3)
    assert why_not(str(path), mine) == ""
    assert load_images(str(path), mine).images.shape[1:] == (3, 8, 8)
    with pytest.raises(InputError, match="3 channels, but tiny has 1"):
        load_images(str(path), TINY)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.delenv("NASPRED_IMAGES", raising=False)
    cifar = DatasetInfo("cifar10", 10, 32)
    assert "set NASPRED_IMAGES to the folder that holds cifar-10-batches-py" in why_not("auto", cifar)
    assert "no images of own: set the parameter images" in why_not("auto", DatasetInfo("own"))
    assert "no such file or folder" in why_not("no.npz", cifar)
    assert "num_classes is None" in why_not("noise", DatasetInfo("own", None, 8))

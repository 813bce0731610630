from dataclasses import replace

import numpy as np
import pytest
from tests_support import with_curves

from predictors import registry
from predictors.hybrid import support_vectors
from predictors.hybrid.features import features
from predictors.hybrid.support_vectors import Settings, choose, fit
from predictors.observations import Observations
from tasks.errors import InputError
from tasks.metrics import kendall
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE = NasBench201()


def observe(accuracy):
    accuracy = np.asarray(accuracy, dtype=np.float32)
    curves = {"val_acc_curve": accuracy}
    return Observations(
        SPACE, DatasetInfo("cifar10", 10, 32), SPACE.all_codes()[: len(accuracy)], curves=curves
    )


@pytest.fixture(scope="module")
def table(small_table):
    return with_curves(small_table)


def rows(table, start, stop, epochs, *, labelled):
    some = slice(start, stop)
    return Observations(
        table.space,
        table.dataset,
        table.codes[some],
        table.val_acc[some] if labelled else None,
        {name: values[some, :epochs] for name, values in table.curves.items()},
        table.epochs,
    )


def test_features_by_hand():
    curve = observe([[10, 20, 40, 40]])
    steps, bends = np.array([10, 20, 0]), np.array([10, -20])
    moments = [27.5, np.std([10, 20, 40, 40]), 10, steps.std(), -5, bends.std()]
    np.testing.assert_allclose(features(curve, "moments", "none"), [moments])
    np.testing.assert_allclose(features(curve, "last", "none"), [[*moments, 40]])
    np.testing.assert_allclose(features(curve, "curve", "none"), [[10, 20, 40, 40, 10, 20, 0]])


def test_short_curves_have_fewer_features():
    assert features(observe([[30]]), "last", "none").tolist() == [[30]]
    assert features(observe([[30, 50]]), "moments", "none").tolist() == [[40, 10, 20]]
    assert features(observe([[30, 50, 50]]), "moments", "none").shape == (1, 5)


def test_features_of_the_architecture():
    query = observe([[30.0], [40.0]])
    encoded = features(query, "last", "encoding")
    assert np.array_equal(encoded[:, 1:], query.encode("adjacency"))
    counted = features(query, "last", "counts")
    np.testing.assert_allclose(np.expm1(counted[:, 1:]).T, SPACE.count(query.codes, query.dataset), rtol=1e-6)


@pytest.mark.parametrize("epochs", [2, 6])
def test_learns_the_end_of_curves(table, epochs):
    train, query = (
        rows(table, *span, epochs, labelled=label) for span, label in (((0, 100), True), ((100, 300), False))
    )
    predictor = registry.create("lcsvr", {"configs": 30}, seed=0).fit(train)
    scores, ends = predictor.predict(query), table.val_acc[100:300]
    last = query.curves["val_acc_curve"][:, -1]
    assert kendall(ends, scores) > kendall(ends, last) - 0.03
    assert np.abs(scores - ends).mean() < 0.7 * np.abs(ends - ends.mean()).mean()


def test_scale_of_a_feature_has_no_effect(table):
    train, query = rows(table, 0, 40, 5, labelled=True), rows(table, 40, 80, 5, labelled=False)

    def shrunk(part):
        return replace(part, curves={name: values / 16 for name, values in part.curves.items()})

    scores = registry.create("lcsvr", {"configs": 10}, seed=0).fit(train).predict(query)
    small = registry.create("lcsvr", {"configs": 10}, seed=0).fit(shrunk(train)).predict(shrunk(query))
    np.testing.assert_allclose(small, scores, rtol=1e-6)


def test_training_statistics_only(table):
    train, query = rows(table, 0, 30, 5, labelled=True), rows(table, 40, 90, 5, labelled=False)
    predictor = registry.create("lcsvr", {"configs": 5}, seed=0).fit(train)
    x = features(train, "last", "none")
    np.testing.assert_allclose(predictor.centre_, x.mean(axis=0))
    one = predictor.predict(query.take(slice(0, 1)))
    np.testing.assert_allclose(one, predictor.predict(query)[:1], rtol=1e-12)


def test_curves_of_another_length_are_refused(table):
    predictor = registry.create("lcsvr", {"configs": 5}, seed=0).fit(rows(table, 0, 30, 5, labelled=True))
    with pytest.raises(InputError, match="fitted on curves of 5 epochs, the query has 4"):
        predictor.predict(rows(table, 30, 60, 4, labelled=False))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 15, 16, 17])
def test_few_training_architectures(table, n):
    predictor = registry.create("lcsvr", {"configs": 5}, seed=0).fit(rows(table, 0, n, 2, labelled=True))
    assert np.all(np.isfinite(predictor.predict(rows(table, 100, 140, 2, labelled=False))))
    if 1 < n < 16:
        assert predictor.model_.settings == Settings()


def test_machine_is_that_of_scikit_learn():
    from sklearn.svm import NuSVR

    rng = np.random.default_rng(0)
    x, q = rng.normal(size=(50, 4)), rng.normal(size=(20, 4))
    y = np.sin(x[:, 0]) + 0.1 * rng.normal(size=50)
    ours = fit(x, y, Settings(cost=2.0, nu=0.4, gamma=2.0)).predict(q)
    theirs = NuSVR(C=2.0, nu=0.4, gamma=0.5).fit(x, y).predict(q)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_the_held_out_error_decides(monkeypatch):
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, size=(60, 1))
    y = np.cos(3 * x[:, 0])
    found = choose(x, y, 40, np.random.default_rng(0))
    assert found.gamma > 0  # a line cannot follow
    assert choose(x, y, 1, np.random.default_rng(0)) == Settings()
    monkeypatch.setattr(support_vectors, "SEARCH_SIZE", 15)
    assert choose(x, y, 40, np.random.default_rng(0)) == Settings()

import numpy as np
import pytest

from predictors.model_based.nao import Nao
from predictors.model_based.seminas import SemiNas
from predictors.model_based.unlabelled import draw_unlabelled
from predictors.observations import Observations
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

FAST = {"hidden": 16, "epochs": 2, "min_steps": 2}


@pytest.mark.parametrize(("positions", "length"), [("varying", 6), ("all", 35)])
def test_positions_that_are_the_same_in_every_cell_are_left_out(observe, positions, length):
    inputs = Nao(positions=positions)._training_inputs(observe(5))
    assert inputs["tokens"].shape == (5, length)
    assert inputs["possible"].shape == (length, 9)
    if positions == "varying":
        # What is left are the operations, one per edge, in some order.
        codes = observe(5).codes
        assert sorted(inputs["tokens"][0]) == sorted(codes[0] + 3.0)
        assert np.all(inputs["possible"].sum(axis=1) == 5)


@pytest.mark.parametrize("kind", [Nao, SemiNas])
def test_learns_what_the_cell_says(observe, kind):
    train, query = observe(100), observe(60, seed=5)
    scores = kind(hidden=32, learning_rate=0.02, min_steps=100).fit(train).predict(query)
    assert np.corrcoef(scores, query.targets)[0, 1] > 0.45


def test_hidden_width_reaches_the_model(observe):
    model = Nao(**{**FAST, "hidden": 24}).fit(observe(6)).model_
    assert model["encoder_embedding"].shape == (9, 24)
    assert model["encoder_recurrent[]"].shape == (2, 24, 96)
    assert model["decoder_recurrent[]"].shape == (1, 24, 96)


def test_steps_are_as_published_from_100_architectures_on():
    steps = {n: Nao()._settings(n).epochs * -(-n // 100) for n in (20, 100, 1000)}
    assert steps == {20: 50, 100: 50, 1000: 500}


def test_equal_shapes_of_different_spaces_are_not_mixed(observe):
    one = observe(8)
    other = DagSpace("dag", ("in", "a", "b", "out"), 4)
    codes = other.sample(np.random.default_rng(0), 8)
    two = Observations(other, DatasetInfo("x"), codes, np.arange(8.0))
    together = [Nao(**FAST), Nao(**FAST)]
    Nao.fit_many(together, [one, two])
    for predictor, train in zip(together, [one, two], strict=True):
        np.testing.assert_allclose(predictor.predict(train), Nao(**FAST).fit(train).predict(train), rtol=1e-6)


def test_unlabelled_cells_are_new_and_different():
    space = NasBench201()
    train = Observations(space, DatasetInfo("x"), space.sample(np.random.default_rng(0), 300))
    drawn = draw_unlabelled(train, 400, np.random.default_rng(1))
    forms = space.canonical_many(drawn)
    assert len(drawn) == len(set(forms)) == 400
    assert not set(forms) & set(space.canonical_many(train.codes))
    np.testing.assert_array_equal(drawn, draw_unlabelled(train, 400, np.random.default_rng(1)))
    np.testing.assert_array_equal(drawn[:0], draw_unlabelled(train, 0, np.random.default_rng(1)))


def test_a_space_without_further_cells():
    """All cells are labelled: the second training has nothing else, and is not an error."""
    space = DagSpace("dag", ("in", "a", "b", "out"), 3)
    codes = space.sample(np.random.default_rng(0), 200)
    _, first = np.unique(space.canonical_many(codes), return_index=True)
    train = Observations(space, DatasetInfo("x"), codes[first], np.arange(float(len(first))))
    assert len(draw_unlabelled(train, 5, np.random.default_rng(0))) == 0
    assert len(draw_unlabelled(train.take(slice(1, None)), 5, np.random.default_rng(0))) == 1
    assert np.all(np.isfinite(SemiNas(**FAST).fit(train).predict(train)))


def test_the_second_training_uses_the_models_own_predictions(observe, monkeypatch):
    from predictors.model_based import seminas

    calls = []

    def spy(streams, initial, tokens, possible, y, weight, settings):
        calls.append((initial, tokens, y, weight, settings))
        return original(streams, initial, tokens, possible, y, weight, settings)

    original = seminas.train_naos
    monkeypatch.setattr(seminas, "train_naos", spy)
    SemiNas(**FAST, unlabelled=0.5, labelled_weight=4.0, learning_rate=0.01, later_rate=0.2).fit(observe(10))
    (_, _, y1, weight1, settings1), (start, tokens, y2, weight2, settings2) = calls
    assert y1.shape == (1, 10)
    assert np.all(weight1 == 1.0)
    assert tokens.shape == (1, 15, 6)
    np.testing.assert_array_equal(y2[:, :10], y1)
    np.testing.assert_allclose(y2[0, 10:], seminas.predict_nao(start[0], tokens[0, 10:]), rtol=1e-9)
    assert weight2.tolist() == [[4.0] * 10 + [1.0] * 5]
    assert (settings1.learning_rate, settings2.learning_rate) == pytest.approx((0.01, 0.002))

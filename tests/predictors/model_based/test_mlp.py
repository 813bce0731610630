import numpy as np
import pytest

from predictors.model_based.bananas import Bananas
from predictors.model_based.mlp import Mlp

QUICK = {"depth": 3, "epochs": 60, "learning_rate": 0.01}


def test_published_settings_are_the_defaults():
    expected = {"depth": 20, "width": 20, "epochs": 500, "batch": 32, "learning_rate": 0.001, "l1": 0.2}
    for cls, encoding in ((Mlp, "adjacency"), (Bananas, "path")):
        params = cls().get_params()
        assert expected.items() <= params.items()
        assert (params["encoding"], params["targets"]) == (encoding, "percent")
    assert Bananas().members == 3


def test_training_on_percent_starts_at_zero(observe):
    """One step of 0.001 does not take the output from 0 to the accuracies; standardised, it is there."""
    train = observe(20)
    assert np.all(np.abs(Mlp(epochs=1).fit(train).predict(train)) < 1)
    there = Mlp(epochs=1, targets="standardised").fit(train).predict(train)
    assert np.all(np.abs(there - train.targets.mean()) < 1)


def test_members_differ_and_their_mean_is_the_prediction(observe):
    train, query = observe(30), observe(12, seed=5)
    predictor = Bananas(**QUICK, targets="standardised", members=4).fit(train)
    outputs = [
        predictor._predict_model([net], predictor._inputs(query), spread=False)[0] for net in predictor.model_
    ]
    assert len({output.tobytes() for output in outputs}) == 4
    in_percent = predictor.scale_.mean + predictor.scale_.std * np.array(outputs)
    mean, std = predictor.predict_distribution(query)
    np.testing.assert_allclose(mean, predictor.predict(query))
    np.testing.assert_allclose(mean, in_percent.mean(axis=0))
    np.testing.assert_allclose(std, in_percent.std(axis=0, ddof=1))


def test_one_network_has_no_uncertainty(observe):
    with pytest.raises(NotImplementedError, match="uncertainty"):
        Mlp(**QUICK).fit(observe(10)).predict_distribution(observe(3))


@pytest.mark.parametrize("sizes", [(20, 20, 13, 20), (5, 1, 40)])
def test_training_sets_of_different_sizes_in_one_call(observe, sizes):
    trains = [observe(n, seed=n + i) for i, n in enumerate(sizes)]
    query = observe(10, seed=77)
    together = [Mlp(**QUICK, seed=i) for i in range(len(sizes))]
    Mlp.fit_many(together, trains)
    for i, train in enumerate(trains):
        alone = Mlp(**QUICK, seed=i).fit(train)
        np.testing.assert_array_equal(together[i].predict(query), alone.predict(query))


def test_different_hyperparameters_in_one_call(observe):
    train, query = observe(20), observe(10, seed=3)
    settings = [{}, {"width": 5}, {"learning_rate": 0.02}, {}]
    together = [Mlp(**{**QUICK, **change}) for change in settings]
    Mlp.fit_many(together, [train] * 4)
    for predictor, change in zip(together, settings, strict=True):
        alone = Mlp(**{**QUICK, **change}).fit(train)
        # Beside another learning rate a model is the same up to rounding only.
        np.testing.assert_allclose(predictor.predict(query), alone.predict(query), rtol=1e-6)


def test_fit_many_checks_every_training_set(observe):
    from tasks.errors import InputError

    bad = observe(10)
    bad.targets[4] = np.nan
    with pytest.raises(InputError, match="training architecture 4"):
        Mlp.fit_many([Mlp(), Mlp()], [observe(10), bad])

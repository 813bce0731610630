import numpy as np

from predictors.model_based.bayes_lin_reg import Evidence
from predictors.model_based.dngo import Dngo
from predictors.model_based.evidence_grid import integrate
from predictors.model_based.neural.mlp_network import last_hidden

QUICK = {"epochs": 20, "width": 20}


def test_prediction_is_the_regression_on_the_last_layer(observe):
    train, query = observe(25), observe(10, seed=4)
    predictor = Dngo(**QUICK).fit(train)
    network = predictor.model_.network
    z = (train.targets - predictor.scale_.mean) / predictor.scale_.std
    basis, there = (last_hidden(network, o.encode("adjacency"), "tanh") for o in (train, query))
    mean, std = integrate(Evidence(basis, z)).predict(there)
    scale = predictor.scale_
    np.testing.assert_allclose(predictor.predict(query), scale.mean + scale.std * mean, rtol=1e-9)
    np.testing.assert_allclose(predictor.predict_distribution(query)[1], scale.std * std, rtol=1e-9)


def test_more_uncertain_away_from_the_training_set(observe):
    train, query = observe(60), observe(60, seed=4)
    predictor = Dngo().fit(train)
    assert predictor.predict_distribution(train)[1].mean() < predictor.predict_distribution(query)[1].mean()


def test_layers_and_units_are_those_asked_for(observe):
    network = Dngo(depth=4, width=6, epochs=1).fit(observe(8)).model_.network
    assert network["first"].shape == (30, 6)
    assert network["hidden[]"].shape == (3, 6, 6)

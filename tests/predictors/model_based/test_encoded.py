import numpy as np
import pytest

from predictors.model_based.bayes_lin_reg import BayesianLinearRegression
from predictors.model_based.encoded import Standardiser
from tasks.errors import InputError


def test_standardiser_has_mean_and_deviation_with_divisor_n():
    scale = Standardiser.of(np.array([1.0, 2.0, 3.0, 6.0]))
    assert scale.mean == 3.0
    assert scale.std == np.sqrt(14 / 4)


@pytest.mark.parametrize("n", [1, 3, 7, 1000])
def test_equal_targets_have_exactly_their_value_and_no_deviation(n):
    assert Standardiser.of(np.full(n, 70.1)) == Standardiser(70.1, 0.0)


def test_equal_targets_make_no_model_and_a_certain_prediction(observe):
    train = observe(5)
    train.targets[:] = 33.3
    predictor = BayesianLinearRegression().fit(train)
    assert predictor.model_ is None
    mean, std = predictor.predict_distribution(observe(4, seed=5))
    assert mean.tolist() == [33.3] * 4
    assert std.tolist() == [0.0] * 4


def test_parameters_set_after_construction_are_checked_by_fit(observe):
    predictor = BayesianLinearRegression(encoding="pth")
    with pytest.raises(InputError, match="BayesianLinearRegression: parameter encoding is 'pth'"):
        predictor.fit(observe(5))


def test_path_encoding_is_used_when_asked_for(observe):
    train, query = observe(40), observe(10, seed=3)
    predictor = BayesianLinearRegression(encoding="path").fit(train)
    assert predictor.model_.weights.shape == (156,)
    assert not np.allclose(predictor.predict(query), BayesianLinearRegression().fit(train).predict(query))

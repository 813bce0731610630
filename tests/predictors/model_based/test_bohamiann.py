import numpy as np
import pytest

from predictors.model_based.bohamiann import Bohamiann
from predictors.model_based.neural.mlp_network import predict_mlp
from tasks.errors import InputError


def test_mean_and_spread_of_the_kept_networks(observe):
    train, query = observe(30), observe(8, seed=3)
    predictor = Bohamiann().fit(train)
    networks, x = predictor.model_, query.encode("adjacency")
    assert len(networks) == 18
    outputs = np.array([predict_mlp(network, x, "tanh") for network in networks])
    noise = np.mean([np.exp(network["log_variance"]) for network in networks])
    mean, std = predictor.predict_distribution(query)
    scale = predictor.scale_
    np.testing.assert_allclose(mean, scale.mean + scale.std * outputs.mean(axis=0))
    np.testing.assert_allclose(std, scale.std * np.sqrt(outputs.var(axis=0) + noise))


def test_settings_that_keep_no_network_are_refused(observe):
    for fit in (lambda p, t: p.fit(t), lambda p, t: Bohamiann.fit_many([p], [t])):
        with pytest.raises(InputError, match=r"steps is 14, .* at least burn_in \+ keep_every = 15"):
            fit(Bohamiann(steps=14), observe(10))

from dataclasses import replace

import numpy as np
import pytest
import torch

from predictors.model_based.neural.mlp_network import MlpSettings, initial_xavier, predict_mlp, train_mlps

SETTINGS = MlpSettings(2, 6, 0.01, betas=(0.9, 0.99), loss="absolute", l1=0.2)
SQUARED = MlpSettings(2, 6, 0.01, activation="tanh")


def data(models, n=10, features=5):
    rng = np.random.default_rng(0)
    return rng.integers(2, size=(models, n, features)).astype(float), rng.normal(size=(models, n))


def train(seeds, x, y, settings=SETTINGS, depth=4, width=7):
    streams = [np.random.default_rng(seed) for seed in seeds]
    initial = [initial_xavier(stream, x.shape[2], depth, width) for stream in streams]
    return train_mlps(streams, initial, x, y, settings)


def by_autograd(seed, x, y, settings, depth=4, width=7):
    """The same training of one network with torch's own layers, derivatives and optimiser."""
    stream = np.random.default_rng(seed)
    start = initial_xavier(stream, x.shape[1], depth, width)
    parameters = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    optimiser = torch.optim.Adam(parameters.values(), lr=settings.learning_rate, betas=settings.betas)
    activate = getattr(torch, settings.activation)
    for _ in range(settings.epochs):
        order = stream.permutation(len(y))
        for first in range(0, len(y), settings.batch):
            rows = order[first : first + settings.batch]
            hidden = activate(torch.tensor(x[rows]) @ parameters["first"] + parameters["first_bias"])
            for weight, bias in zip(parameters["hidden[]"], parameters["hidden_bias[]"], strict=True):
                hidden = activate(hidden @ weight + bias)
            output = hidden @ parameters["output"] + parameters["output_bias"]
            error = output - torch.tensor(y[rows])
            loss = error.abs().mean() if settings.loss == "absolute" else (error**2).mean()
            loss = loss + settings.l1 * parameters["output"].abs().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return {name: value.detach().numpy() for name, value in parameters.items()}


@pytest.mark.parametrize("settings", [SETTINGS, SQUARED], ids=["relu", "tanh"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_two_epochs_are_those_of_automatic_differentiation(depth, settings):
    x, y = data(2)
    for model, network in enumerate(train([3, 8], x, y, settings, depth=depth)):
        expected = by_autograd([3, 8][model], x[model], y[model], settings, depth=depth)
        for name, value in expected.items():
            np.testing.assert_allclose(network[name], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("settings", [SETTINGS, SQUARED], ids=["relu", "tanh"])
@pytest.mark.parametrize("width", [20, 50, 7])
def test_stacked_networks_are_those_trained_alone(settings, width):
    x, y = data(5)
    settings = replace(settings, epochs=30)
    together = train(range(5), x, y, settings, depth=6, width=width)
    for model in range(5):
        one = slice(model, model + 1)
        (alone,) = train([model], x[one], y[one], settings, depth=6, width=width)
        for name, value in alone.items():
            np.testing.assert_array_equal(value, together[model][name])


def test_partial_batches_are_used():
    """Ten rows in batches of six: with the last four left out, their targets would not matter."""
    x, y = data(1)
    stream = np.random.default_rng(0)
    initial_xavier(stream, 5, 4, 7)
    last = stream.permutation(10)[6:]
    changed = y.copy()
    changed[0, last] += 5.0
    settings = replace(SETTINGS, epochs=1)
    a, b = train([0], x, y, settings)[0], train([0], x, changed, settings)[0]
    assert not np.array_equal(a["output_bias"], b["output_bias"])


def test_it_learns():
    x, _ = data(2, n=40)
    y = x @ np.array([1.0, -2.0, 0.5, 3.0, 0.0])
    for model, network in enumerate(train([0, 1], x, y, MlpSettings(200, 8, 0.01), depth=2, width=16)):
        assert np.mean(np.abs(predict_mlp(network, x[model]) - y[model])) < 0.2

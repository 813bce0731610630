from dataclasses import replace

import numpy as np
import pytest
import torch

from predictors.encodings.graph import cell_graphs
from predictors.model_based.neural.dropout import Dropout
from predictors.model_based.neural.gcn_network import (
    GcnSettings,
    initial_gcn,
    predict_gcn,
    propagation,
    train_gcns,
)
from tasks.spaces.dag import DagSpace

SETTINGS = GcnSettings(epochs=1, batch=3, learning_rate=0.01, weight_decay=0.1, dropout=0.0)
SPACE = DagSpace("dag", ("in", "conv", "pool", "skip", "out"), 5)


def arrays(codes):
    graphs = cell_graphs(SPACE, codes)
    return propagation(graphs.adjacency.astype(float)), graphs.features, 1.0 / graphs.mask.sum(axis=1)


def data(models, n=6):
    small = SPACE.parse('{"adjacency": [[0,1,1],[0,0,1],[0,0,0]], "ops": ["in","pool","out"]}')
    parts = []
    for model in range(models):
        codes = SPACE.sample(np.random.default_rng(model), n)
        codes[0] = small
        parts.append(arrays(codes))
    y = np.random.default_rng(9).normal(size=(models, n))
    return tuple(np.stack(part) for part in zip(*parts, strict=True)), y


def train(seeds, graphs, y, settings=SETTINGS, hidden=8):
    streams = [np.random.default_rng(seed) for seed in seeds]
    initial = [initial_gcn(stream, graphs[1].shape[3], hidden, 2.0) for stream in streams]
    return train_gcns(streams, initial, graphs, y, settings)


def by_autograd(seed, graphs, y, settings, hidden=8):
    """The same training of one network with torch's derivatives and optimiser; gradients zeroed."""
    stream = np.random.default_rng(seed)
    start = initial_gcn(stream, graphs[1].shape[2], hidden, 2.0)
    parameters = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    optimiser = torch.optim.Adam(
        parameters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    losses = []
    for _ in range(settings.epochs):
        order = stream.permutation(len(y))
        for first in range(0, len(y), settings.batch):
            rows = order[first : first + settings.batch]
            spread, features, share = (torch.tensor(array[rows]) for array in graphs)
            x = features
            for layer in range(4):
                forward, backward = parameters[f"conv{layer}[]"]
                x = 0.5 * (
                    torch.relu(spread[:, 0] @ (x @ forward)) + torch.relu(spread[:, 1] @ (x @ backward))
                )
            output = (x.sum(1) * share[:, None]) @ parameters["head"] @ parameters["output"]
            loss = ((output - torch.tensor(y[rows])) ** 2).mean()
            losses.append(loss.item())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return {name: value.detach().numpy() for name, value in parameters.items()}, losses


@pytest.mark.parametrize(("epochs", "batch"), [(1, 3), (3, 4), (2, 7)])
def test_steps_are_those_of_automatic_differentiation_with_zeroed_gradients(epochs, batch):
    graphs, y = data(2)
    settings = replace(SETTINGS, epochs=epochs, batch=batch)
    for model, network in enumerate(train([3, 8], graphs, y, settings)):
        own = tuple(array[model] for array in graphs)
        expected, _ = by_autograd([3, 8][model], own, y[model], settings)
        for name, value in expected.items():
            np.testing.assert_allclose(network[name], value, rtol=1e-3, atol=2e-5)


def test_loss_after_two_steps():
    """With gradients that pile up the second step, and so this loss, would be another."""
    graphs, y = data(1)
    own = tuple(array[0] for array in graphs)
    (network,) = train([5], graphs, y)
    expected, _ = by_autograd(5, own, y[0], SETTINGS)
    loss = np.mean((predict_gcn(network, *own) - y[0]) ** 2)
    assert loss == pytest.approx(np.mean((predict_gcn(expected, *own) - y[0]) ** 2), rel=1e-4)
    start = initial_gcn(np.random.default_rng(5), own[1].shape[2], 8, 2.0)
    assert abs(loss - np.mean((predict_gcn(start, *own) - y[0]) ** 2)) > 1e-3


def test_stacked_networks_are_those_trained_alone():
    graphs, y = data(4, n=8)
    settings = replace(SETTINGS, epochs=10, dropout=0.1)
    together = train(range(4), graphs, y, settings, hidden=20)
    for model in range(4):
        one = slice(model, model + 1)
        (alone,) = train([model], tuple(array[one] for array in graphs), y[one], settings, hidden=20)
        for name, value in alone.items():
            np.testing.assert_array_equal(value, together[model][name])


def test_directions_are_normalised_separately():
    graph = np.zeros((1, 3, 3))
    graph[0, 0, 1] = graph[0, 0, 2] = 1
    along, against = propagation(graph)[0]
    np.testing.assert_allclose(along, [[1 / 3, 1 / 3, 1 / 3], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(against, [[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 2, 0, 1 / 2]])


def test_absent_vertices_have_no_effect():
    """A cell of three vertices in a space of five gives what it gives in a space of three."""
    network = initial_gcn(np.random.default_rng(0), 5, 8, 2.0)
    text = '{"adjacency": [[0,1,1],[0,0,1],[0,0,0]], "ops": ["in","pool","out"]}'
    outputs = []
    for vertices in (3, 5):
        space = DagSpace("dag", SPACE.operations, vertices)
        graphs = cell_graphs(space, np.array([space.parse(text)]))
        spread = propagation(graphs.adjacency.astype(float))
        outputs.append(predict_gcn(network, spread, graphs.features, 1.0 / graphs.mask.sum(axis=1)))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-12)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_keeps_the_mean_and_changes_training(rate):
    dropout, mask = Dropout(rate), torch.empty(2, 100_000)
    dropout.draw([np.random.default_rng(0), np.random.default_rng(1)], mask)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(mask.mean(1).numpy() / dropout.kept, 1.0, atol=0.01)
    assert dropout.kept == pytest.approx(1 - rate, abs=1 / 512)
    assert not torch.equal(mask[0], mask[1])
    graphs, y = data(1)
    with_dropout, without = (train([0], graphs, y, replace(SETTINGS, dropout=rate)) for rate in (rate, 0.0))
    assert not np.array_equal(with_dropout[0]["output"], without[0]["output"])


def test_gradients_with_dropout_are_those_of_the_masked_network():
    """The masks that training draws, put into the same network written down with torch."""
    graphs, y = data(1, n=3)
    rate, hidden, v = 0.25, 8, 5
    settings = replace(SETTINGS, dropout=rate, batch=3)
    (network,) = train([4], graphs, y, settings)

    stream = np.random.default_rng(4)
    start = initial_gcn(stream, graphs[1].shape[3], hidden, 2.0)
    rows = stream.permutation(3)
    dropout, mask = Dropout(rate), torch.empty(1, 4 * 3 * v * hidden + 3 * 128)
    dropout.draw([stream], mask)
    masks = mask[0, : 4 * 3 * v * hidden].double().view(4, 3, v, hidden) / dropout.kept
    head_mask = mask[0, 4 * 3 * v * hidden :].double().view(3, 128) / dropout.kept
    parameters = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    optimiser = torch.optim.Adam(
        parameters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    spread, x, share = (torch.tensor(array[0][rows]) for array in graphs)
    for layer in range(4):
        forward, backward = parameters[f"conv{layer}[]"]
        both = torch.relu(spread[:, 0] @ (x @ forward)) + torch.relu(spread[:, 1] @ (x @ backward))
        x = 0.5 * both * masks[layer]
    head = ((x.sum(1) * share[:, None]) @ parameters["head"]) * head_mask
    (((head @ parameters["output"]) - torch.tensor(y[0][rows])) ** 2).mean().backward()
    optimiser.step()
    for name, value in parameters.items():
        np.testing.assert_allclose(network[name], value.detach().numpy(), rtol=1e-3, atol=2e-5)

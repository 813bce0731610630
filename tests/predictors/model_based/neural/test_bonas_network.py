from dataclasses import replace

import numpy as np
import pytest
import torch

from predictors.encodings.graph import global_node_graphs
from predictors.model_based.bonas import Bonas
from predictors.model_based.neural.bonas_network import (
    BonasSettings,
    initial_bonas,
    predict_bonas,
    slices_without_single,
    train_bonas,
)
from predictors.observations import Observations
from tasks.spaces.base import DatasetInfo
from tasks.spaces.dag import DagSpace

SETTINGS = BonasSettings(epochs=1, batch=3, learning_rate=0.01)
SPACE = DagSpace("dag", ("in", "conv", "pool", "skip", "out"), 5)
SMALL = SPACE.parse('{"adjacency": [[0,1,1],[0,0,1],[0,0,0]], "ops": ["in","pool","out"]}')


def arrays(codes):
    graphs = global_node_graphs(SPACE, codes)
    return graphs.adjacency.transpose(0, 2, 1).astype(float), graphs.features, graphs.mask.astype(float)


def data(models, *, small, n=6):
    parts = []
    for model in range(models):
        codes = SPACE.sample(np.random.default_rng(model), n)
        if small:
            codes[:2] = SMALL
        parts.append(arrays(codes))
    y = np.random.default_rng(9).normal(size=(models, n))
    return tuple(np.stack(part) for part in zip(*parts, strict=True)), y


def train(seeds, graphs, y, settings=SETTINGS, hidden=8):
    streams = [np.random.default_rng(seed) for seed in seeds]
    initial = [initial_bonas(stream, graphs[1].shape[3], hidden) for stream in streams]
    return train_bonas(streams, initial, graphs, y, settings)


def by_torch(seed, graphs, y, settings, hidden=8):
    """The same training with torch's batch normalisation, derivatives and optimiser."""
    stream = np.random.default_rng(seed)
    start = initial_bonas(stream, graphs[1].shape[2], hidden)
    parameters = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    optimiser = torch.optim.Adam(parameters.values(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    statistics = [(torch.zeros(hidden).double(), torch.ones(hidden).double()) for _ in range(4)]

    def forward(rows, *, training):
        spread, x, there = (torch.tensor(array[rows]) for array in graphs)
        for layer in range(4):
            x = spread @ (x @ parameters[f"conv{layer}"])
            real = there.bool()
            scale, shift = parameters[f"scale{layer}"][0], parameters[f"shift{layer}"][0]
            normal = torch.nn.functional.batch_norm(x[real], *statistics[layer], scale, shift, training)
            x = torch.zeros_like(x).masked_scatter(real[:, :, None], torch.relu(normal))
        return x[:, -1] @ parameters["output"] + parameters["output_bias"]

    for _ in range(settings.epochs):
        order = stream.permutation(len(y))
        for part in slices_without_single(len(y), settings.batch):
            loss = ((forward(order[part], training=True) - torch.tensor(y[order[part]])) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    outputs = forward(np.arange(len(y)), training=False).detach().numpy()
    return {name: value.detach().numpy() for name, value in parameters.items()}, outputs


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(("epochs", "batch"), [(1, 3), (3, 4)])
def test_training_and_query_are_those_of_torch_with_zeroed_gradients(epochs, batch, small):
    """Two steps and more; vertices that are absent are in no statistic; running statistics at query."""
    graphs, y = data(2, small=small)
    settings = replace(SETTINGS, epochs=epochs, batch=batch)
    for model, network in enumerate(train([3, 8], graphs, y, settings)):
        own = tuple(array[model] for array in graphs)
        expected, outputs = by_torch([3, 8][model], own, y[model], settings)
        for name, value in expected.items():
            np.testing.assert_allclose(network[name], value, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(predict_bonas(network, *own[:2]), outputs, rtol=2e-3, atol=2e-3)


def test_stacked_networks_are_those_trained_alone():
    graphs, y = data(4, small=True, n=8)
    settings = replace(SETTINGS, epochs=10)
    together = train(range(4), graphs, y, settings, hidden=20)
    for model in range(4):
        one = slice(model, model + 1)
        (alone,) = train([model], tuple(array[one] for array in graphs), y[one], settings, hidden=20)
        for name, value in alone.items():
            np.testing.assert_array_equal(value, together[model][name])


def test_no_batch_of_one():
    assert slices_without_single(9, 4) == [slice(0, 4), slice(4, 9)]
    assert slices_without_single(10, 4) == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert slices_without_single(3, 128) == [slice(0, 3)]
    assert slices_without_single(3, 2) == [slice(0, 3)]


def test_absent_vertices_have_no_effect_at_query():
    train_codes = np.concatenate([SPACE.sample(np.random.default_rng(0), 20), [SMALL]])
    targets = np.random.default_rng(1).normal(size=21)
    observed = Observations(SPACE, DatasetInfo("own"), train_codes, targets)
    predictor = Bonas(epochs=5).fit(observed)
    score = predictor.predict(observed)[-1]
    graphs = global_node_graphs(DagSpace("dag", SPACE.operations, 3), np.array([[1, 1, 1, 0, 2, 4]]))
    spread = graphs.adjacency.transpose(0, 2, 1).astype(float)
    compact = predict_bonas(predictor.model_, spread, graphs.features)
    assert score == pytest.approx(predictor.scale_.mean + predictor.scale_.std * compact[0], rel=1e-9)


def test_mean_instead_of_sum(observe):
    train = observe(10)
    spread = Bonas(aggregate="mean")._inputs(train)["spread"]
    np.testing.assert_allclose(spread.sum(axis=2), 1.0)
    assert Bonas()._inputs(train)["spread"].sum(axis=2).max() == 9

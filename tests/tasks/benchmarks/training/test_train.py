"""Stacked training against one network after another, seeds, failures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tasks.benchmarks.training import train
from tasks.benchmarks.training.cost import network_counts
from tasks.benchmarks.training.data import load_data
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.stacked import stack_networks
from tasks.benchmarks.training.train import train_runs
from tasks.errors import InputError
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201

RECIPE = Recipe(
    space="nasbench201",
    epochs=2,
    steps_per_epoch=2,
    batch_size=8,
    channels=4,
    cells=1,
    val_size=40,
    val_part=30,
    test_size=40,
    shift=1,
    clip_norm=1.0,
    label_smoothing=0.1,
)
CURVES = ("train_loss", "train_acc", "val_loss", "val_acc")
CELLS = {
    "nasbench201": "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    # Concatenates 2, 1 and 1 channels at the first stack and truncates the wide vertex.
    "nasbench101": (
        '{"matrix":[[0,1,0,0,0,1],[0,0,1,1,1,0],[0,0,0,0,0,1],[0,0,0,0,0,1],[0,0,0,0,0,1],[0,0,0,0,0,0]],'
        '"ops":["input","conv1x1-bn-relu","maxpool3x3","conv3x3-bn-relu","conv1x1-bn-relu","output"]}'
    ),
}
SPACES = {"nasbench201": NasBench201(), "nasbench101": NasBench101()}


def _train(seeds, recipe=RECIPE):
    space = SPACES[recipe.space]
    return train_runs(space, space.parse(CELLS[recipe.space]), recipe, load_data(recipe), seeds)


@pytest.mark.parametrize("space", SPACES)
def test_stacked_runs_equal_runs_alone(space):
    recipe = replace(RECIPE, space=space)
    together = _train([5, 6, 7], recipe)
    assert together.status == ("ok",) * 3
    for run, seed in enumerate((5, 6, 7)):
        alone = _train([seed], recipe)
        for curve in ("train_loss", "val_loss"):
            np.testing.assert_allclose(getattr(together, curve)[run], getattr(alone, curve)[0], rtol=2e-3)
    assert len(set(together.train_loss[:, 0].tolist())) == 3


def test_result_has_the_shapes_and_units_that_it_says():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    trained = _train([1, 2])
    assert torch.equal(before, torch.random.get_rng_state())
    for curve in CURVES:
        values = getattr(trained, curve)
        assert values.shape == (2, 2)
        assert values.dtype == np.float32
    assert trained.test_acc.shape == (2,)
    # 16 images were trained on per epoch, 30 validated on after the first and 40 after the second.
    np.testing.assert_allclose(
        trained.train_acc * 16 / 100, np.round(trained.train_acc * 16 / 100), atol=1e-4
    )
    sizes = np.array([30, 40])
    np.testing.assert_allclose(
        trained.val_acc * sizes / 100, np.round(trained.val_acc * sizes / 100), atol=1e-4
    )
    assert trained.seconds_per_epoch > 0
    assert trained.cpu_s > 0
    again = _train([1, 2])
    for curve in CURVES:
        np.testing.assert_array_equal(getattr(trained, curve), getattr(again, curve))


def test_training_learns():
    trained = _train([0], replace(RECIPE, epochs=3, steps_per_epoch=40, batch_size=32, shift=0))
    assert trained.train_loss[0, 2] < trained.train_loss[0, 0] - 0.2
    assert trained.val_acc[0, 2] > 4.0  # 1.8 by chance


def test_steps_are_those_of_plain_sgd():
    """Two steps of the plainest loop there is give the same loss."""
    recipe = replace(RECIPE, clip_norm=0.0, warmup_steps=1, epochs=1)
    data = load_data(recipe)
    arch = SPACES["nasbench201"].parse(CELLS["nasbench201"])
    network = train._initial(SPACES["nasbench201"], arch, recipe, data, 9)
    images, labels = (torch.from_numpy(array) for array in train.BatchStream(recipe, data, 9).epoch())
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    losses = []
    for step, rate in enumerate((0.1, 0.1)):
        optimiser.param_groups[0]["lr"] = rate
        loss = nn.CrossEntropyLoss(label_smoothing=0.1)(network(images[step]), labels[step])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    np.testing.assert_allclose(_train([9], recipe).train_loss[0, 0], np.mean(losses), rtol=1e-4)


def test_a_run_that_diverges_leaves_the_others_alone(monkeypatch):
    initial = train._initial

    def poisoned(space, arch, recipe, data, seed):
        network = initial(space, arch, recipe, data, seed)
        if seed == 13:
            with torch.no_grad():
                network.classifier.weight.fill_(float("nan"))
        return network

    healthy = _train([1, 2])
    monkeypatch.setattr(train, "_initial", poisoned)
    trained = _train([1, 13, 2])
    assert trained.status == ("ok", "diverged", "ok")
    for curve in CURVES:
        assert np.isnan(getattr(trained, curve)[1]).all()
        np.testing.assert_allclose(
            getattr(trained, curve)[[0, 2]], getattr(healthy, curve), rtol=2e-3, atol=4
        )
    assert np.isnan(trained.test_acc).tolist() == [False, True, False]


def test_counts_are_those_of_one_network():
    recipe = replace(RECIPE, channels=16, cells=5, epochs=1, steps_per_epoch=1, batch_size=2)
    space = SPACES["nasbench201"]
    data = load_data(recipe)
    arch = space.parse(CELLS["nasbench201"])
    with torch.device("meta"):
        network = space.build(arch, data.info)
    params, flops = space.count(np.array([arch]), data.info)
    assert network_counts(network, data.info) == (params[0], flops[0])


def test_bad_input():
    with pytest.raises(InputError, match="seeds is empty"):
        _train([])
    space = SPACES["nasbench201"]
    other = replace(RECIPE, space="nasbench101")
    with pytest.raises(InputError, match="recipe is for 'nasbench101'"):
        train_runs(space, space.parse(CELLS["nasbench201"]), other, load_data(RECIPE), [1])


def test_layers_that_cannot_be_stacked_are_refused():
    with pytest.raises(TypeError, match="cannot stack copies of GroupNorm"):
        stack_networks([nn.Sequential(nn.GroupNorm(1, 4)), nn.Sequential(nn.GroupNorm(1, 4))])

"""Training of language models: seeds, independence of runs, progress, divergence."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tasks.benchmarks.building.engine import engine_of
from tasks.benchmarks.training.text.data import load_data
from tasks.benchmarks.training.text.recipe import TextRecipe
from tasks.benchmarks.training.text.train import train_runs
from tasks.errors import InputError
from tasks.spaces.base import as_arch
from tasks.spaces.nasbench201 import NasBench201
from tasks.spaces.nasbench_nlp import NasBenchNlp

SPACE = NasBenchNlp()
ARCH = as_arch(SPACE.sample(np.random.default_rng(0), 1)[0])
RECIPE = TextRecipe(
    space="nasbench_nlp",
    dataset="text.txt",
    epochs=3,
    steps_per_epoch=4,
    batch_size=4,
    bptt=6,
    lr=0.01,
    embedding=8,
    hidden=8,
    val_tokens=60,
    test_tokens=60,
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text("the cat sat on the mat, and the dog sat on the cat. " * 40)
    return replace(RECIPE, dataset=str(file))


@pytest.fixture(scope="module")
def data(recipe):
    return load_data(recipe)


@pytest.fixture(scope="module")
def runs(recipe, data):
    return train_runs(SPACE, ARCH, recipe, data, [5, 6, 7])


def test_shapes_and_meaning(runs, recipe, data):
    for name in ("train_loss", "val_loss", "train_acc", "val_acc"):
        assert getattr(runs, name).shape == (3, 3)
        assert getattr(runs, name).dtype == np.float32
    assert runs.test_acc.shape == (3,)
    assert runs.status == ("ok",) * 3
    np.testing.assert_allclose(runs.val_acc, 100 - runs.val_loss)
    assert (runs.val_loss < np.log(len(data.vocabulary)) + 0.5).all()
    assert (runs.train_loss[:, -1] < runs.train_loss[:, 0]).all()
    assert (runs.test_acc < 100).all()
    params, flops = SPACE.count(np.array([ARCH]), data.info, **recipe.sizes)
    assert (runs.params, runs.flops) == (params[0], flops[0])
    assert runs.seconds_per_epoch > 0


def test_a_run_does_not_depend_on_those_beside_it(runs, recipe, data):
    alone = train_runs(SPACE, ARCH, recipe, data, [6])
    np.testing.assert_allclose(alone.val_loss[0], runs.val_loss[1], rtol=1e-4)
    np.testing.assert_allclose(alone.train_loss[0], runs.train_loss[1], rtol=1e-4)
    assert (runs.val_loss[0] != runs.val_loss[1]).all()


def test_the_same_seed_gives_the_same_numbers_and_leaves_torch_alone(runs, recipe, data):
    before = torch.random.get_rng_state()
    again = train_runs(SPACE, ARCH, recipe, data, [5, 6, 7])
    np.testing.assert_array_equal(again.val_loss, runs.val_loss)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_learns(recipe, data):
    longer = replace(recipe, epochs=6, steps_per_epoch=40, embedding=16, hidden=16)
    trained = train_runs(SPACE, ARCH, longer, data, [0])
    frequencies = np.bincount(data.train, minlength=len(data.vocabulary)) / len(data.train)
    entropy = -(frequencies[frequencies > 0] * np.log(frequencies[frequencies > 0])).sum()
    assert trained.val_loss[0, -1] < 0.8 * entropy


def test_a_run_that_diverges_is_marked_and_leaves_the_others_alone(runs, recipe, data):
    wild = replace(recipe, lr=100.0, schedule="constant", clip_norm=0.0)
    with np.errstate(all="raise"):
        trained = train_runs(SPACE, LOUD, wild, data, [0, 1])
    assert trained.status == ("diverged", "diverged")
    assert np.isnan(trained.val_loss[:, -1]).all()
    assert np.isnan(trained.test_acc).all()


# A leaky rectifier that feeds on itself grows without a bound.
LOUD = SPACE.parse(
    '{"a": {"op": "linear", "input": ["x", "h_prev_0"]}, '
    '"b": {"op": "activation_leaky_relu", "input": ["a"]}, '
    '"c": {"op": "elementwise_prod", "input": ["a", "b"]}, '
    '"h_new_0": {"op": "elementwise_sum", "input": ["b", "c"]}}'
)


def test_wrong_arguments(recipe, data):
    with pytest.raises(InputError, match="seeds is empty"):
        train_runs(SPACE, ARCH, recipe, data, [])
    with pytest.raises(InputError, match="the space is 'nasbench201'"):
        train_runs(NasBench201(), (0,) * 6, recipe, data, [0])


def test_it_is_the_engine_of_the_space(recipe):
    engine = engine_of("nasbench_nlp")
    assert engine.make_recipe({"space": "nasbench_nlp"}, "here") == TextRecipe(space="nasbench_nlp")
    assert len(engine.load_data(recipe).train) > 1000

"""Stacked language models against the network of the space and automatic differentiation."""

import json

import numpy as np
import pytest
import torch

from tasks.benchmarks.training.text.model import StackedModel, StackedWeights
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench_nlp import NasBenchNlp

SPACE, TEXT = NasBenchNlp(), DatasetInfo("text", 11)
# Every operation, three states, nodes that read old states only, and a linear node of three inputs.
EVERYTHING = json.dumps(
    {
        "a": {"op": "linear", "input": ["x", "h_prev_0", "h_prev_1"]},
        "b": {"op": "activation_tanh", "input": ["a"]},
        "c": {"op": "activation_leaky_relu", "input": ["a"]},
        "d": {"op": "linear", "input": ["h_prev_1", "b"]},
        "e": {"op": "activation_sigm", "input": ["d"]},
        "h_new_0": {"op": "blend", "input": ["e", "h_prev_2", "c"]},
        "h_new_1": {"op": "elementwise_prod", "input": ["h_prev_2", "h_new_0"]},
        "f": {"op": "elementwise_sum", "input": ["h_new_1", "e"]},
        "h_new_2": {"op": "activation_sigm", "input": ["f"]},
    }
)


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def recipes():
    drawn = SPACE.sample(np.random.default_rng(1), 3)
    return [SPACE.parse(EVERYTHING), *(as_arch(row) for row in drawn)]


@pytest.mark.parametrize("size", [{"layers": 1, "tied": 1}, {"layers": 2, "tied": 0}])
@pytest.mark.parametrize("arch", recipes(), ids=["everything", "drawn-0", "drawn-1", "drawn-2"])
def test_losses_and_gradients_are_those_of_each_network(arch, size):
    networks = [SPACE.build(arch, TEXT, embedding=4, hidden=5, **size) for _ in range(3)]
    model = StackedModel(networks[0], StackedWeights(networks), steps=4, batch=2)
    tokens = torch.randint(11, (9, 3, 2))
    with torch.no_grad():
        # The second mini-batch goes on from the states of the first, without their gradients.
        model.loss(tokens[:4], tokens[1:5])
        model.backward()
        losses = model.loss(tokens[4:8], tokens[5:9])
        model.backward()
    for run, network in enumerate(networks):
        with torch.no_grad():
            _, states = network(tokens[:4, run])
        logits, _ = network(tokens[4:8, run], states)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[5:9, run].flatten())
        loss.backward()
        torch.testing.assert_close(losses[run], loss.detach())
        gradient = torch.nn.utils.parameters_to_vector([weight.grad for weight in network.parameters()])
        torch.testing.assert_close(model.gradients[run], gradient)


def test_reset_forgets_the_states():
    network = SPACE.build(SPACE.parse(EVERYTHING), TEXT, embedding=4, hidden=5, layers=2)
    model = StackedModel(network, StackedWeights([network]), steps=4, batch=2, train=False)
    tokens = torch.randint(11, (5, 1, 2))
    with torch.no_grad():
        first, second = (model.loss(tokens[:-1], tokens[1:]) for _ in range(2))
        model.reset()
        third = model.loss(tokens[:-1], tokens[1:])
    assert first != second
    assert first == third

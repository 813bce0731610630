"""The written-out gradients beside those of torch's automatic differentiation, in double precision."""

import numpy as np
import pytest
import torch

from predictors.encodings.sequence import cell_sequences
from predictors.model_based.neural.nao_network import HEAD, initial_nao, predict_nao
from predictors.model_based.neural.nao_pass import NaoPass
from predictors.model_based.neural.nao_training import NaoSettings, clip, shifted_tokens, train_naos
from predictors.model_based.neural.prefix_lstm import shared_steps
from predictors.model_based.neural.stack import Stack
from predictors.model_based.neural.token_pairs import TokenPairs
from tasks.spaces.dag import DagSpace
from tasks.spaces.nasbench201 import NasBench201

HIDDEN, KEPT = 6, 0.75
SPACES = {"edges": NasBench201(), "vertices": DagSpace("dag", ("in", "conv", "pool", "out"), 4)}


def sequences(space, models, n):
    codes = space.sample(np.random.default_rng(1), models * n)
    cells = cell_sequences(space, codes)
    return cells.tokens.reshape(models, n, -1), cells.possible


def lstm(weights, prefix, direction, steps, state, cell):
    """Return the states of one direction, (B, length, hidden); gates in the order of the stack."""
    hidden = state.shape[1]
    states = []
    for x in steps:
        gates = (
            x @ weights[f"{prefix}_input[]"][direction]
            + state @ weights[f"{prefix}_recurrent[]"][direction]
            + weights[f"{prefix}_bias[]"][direction].sum(0)
        )
        enter, forget, leave = (gates[:, k * hidden : (k + 1) * hidden].sigmoid() for k in range(3))
        cell = forget * cell + enter * gates[:, 3 * hidden :].tanh()
        state = leave * cell.tanh()
        states.append(state)
    return torch.stack(states, 1)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def loss_by_torch(weights, tokens, read, y, weight, masks, trade_off):
    """The network and its loss, written down step by step for one model."""
    length = tokens.shape[1]
    source, target, down_mask, up_mask = (mask / KEPT for mask in masks)
    zeros = torch.zeros(len(tokens), HIDDEN, dtype=torch.float64)
    embedded = weights["encoder_embedding"][tokens] * source.view(length, HIDDEN)
    along = lstm(weights, "encoder", 0, embedded.unbind(1), zeros, zeros)
    against = lstm(weights, "encoder", 1, embedded.flip(1).unbind(1), zeros, zeros).flip(1)
    merged = along @ weights["merge[]"][0] + against @ weights["merge[]"][1] + weights["merge_bias"]
    outputs = unit(merged + embedded)
    vector = unit(outputs.mean(1))
    inner = torch.relu(vector @ weights["down"] + weights["down_bias"]) * down_mask.view(-1, HEAD)
    correction = torch.relu(inner @ weights["up"] + weights["up_bias"]) * up_mask.view(-1, HIDDEN)
    predicted = ((vector + correction) * 0.5**0.5) @ weights["output"] + weights["output_bias"]
    heard = weights["decoder_embedding"][read] * target.view(length, HIDDEN)
    asked = lstm(weights, "decoder", 0, heard.unbind(1), vector, vector)
    attention = torch.softmax(asked @ outputs.transpose(1, 2), 2)
    words = asked @ weights["words[]"][0] + attention @ outputs @ weights["words[]"][1]
    chances = torch.log_softmax(words + weights["words_bias"], 2)
    likelihood = chances.gather(2, tokens.unsqueeze(2)).mean((1, 2))
    return (weight * (trade_off * (predicted - y) ** 2 - (1 - trade_off) * likelihood)).sum()


@pytest.mark.parametrize(
    ("key", "positions", "batch", "shared"),
    [
        ("edges", "all", 4, 1),
        ("edges", "varying", 4, 0),
        ("edges", "varying", 10, 1),
        ("edges", "varying", 60, 2),
        ("vertices", "all", 4, 0),
        ("vertices", "varying", 40, 2),
    ],
)
def test_gradients_are_those_of_automatic_differentiation(key, positions, batch, shared):
    models, rng = 2, np.random.default_rng(0)
    tokens, possible = sequences(SPACES[key], models, batch + 3)
    if positions == "varying":
        read = possible.sum(axis=1) > 1
        tokens, possible = tokens[..., read], possible[read]
    initial = [initial_nao(np.random.default_rng(seed), possible.shape[1], HIDDEN) for seed in range(models)]
    stack = Stack(initial, dtype=torch.float64)
    read, choices = shifted_tokens(tokens, possible)
    pairs = TokenPairs(tokens, possible)
    assert shared_steps(pairs, batch) == shared
    one = NaoPass(stack, pairs, TokenPairs(read, choices), batch, KEPT)
    drawn = [torch.from_numpy((rng.random(mask.shape) < KEPT).astype(float)) for mask in one.masks]
    rows = np.stack([rng.permutation(batch + 3)[:batch] for _ in range(models)])
    y, weight = (torch.from_numpy(rng.random((models, batch))) for _ in range(2))
    for _ in range(2):  # the buffers of a first run leave no trace
        for mask, values in zip(one.masks, drawn, strict=True):
            mask.copy_(values)
        one.run(torch.from_numpy((rows + (batch + 3) * np.arange(models)[:, None]).ravel()), y, weight, 0.7)

    for model in range(models):
        weights = {name: torch.tensor(value, requires_grad=True) for name, value in initial[model].items()}
        chosen, given = (torch.from_numpy(array[model][rows[model]]) for array in (tokens, read))
        masks = [values[model] for values in drawn]
        loss_by_torch(weights, chosen, given, y[model], weight[model], masks, 0.7).backward()
        for name, value in weights.items():
            block = stack.gradients[name]
            ours = block[:, model] if name.endswith("[]") else block[model]
            np.testing.assert_allclose(ours, value.grad, rtol=1e-9, atol=1e-12, err_msg=name)


def test_queries_are_those_of_the_encoder_without_dropout():
    tokens, possible = sequences(SPACES["vertices"], 1, 9)
    network = initial_nao(np.random.default_rng(3), possible.shape[1], HIDDEN)
    stack = Stack([network], dtype=torch.float64)
    pairs = TokenPairs(tokens, possible)
    one = NaoPass(stack, pairs, TokenPairs(*shifted_tokens(tokens, possible)), 9, 1.0)
    for mask in one.masks:
        mask.fill_(1.0)
    one._encoder.forward(torch.arange(9))
    expected = one._head.forward(one._encoder.vector)[0]
    np.testing.assert_allclose(predict_nao(network, tokens[0]), expected, rtol=1e-9)


def test_stacked_networks_are_those_trained_alone():
    tokens, possible = sequences(SPACES["vertices"], 3, 9)
    y = np.random.default_rng(2).normal(size=(3, 9))
    settings = NaoSettings(2, 5, 0.01, 1e-4, 0.1, 0.8)

    def train(models):
        streams = [np.random.default_rng(model) for model in models]
        initial = [initial_nao(stream, possible.shape[1], 16) for stream in streams]
        return train_naos(streams, initial, tokens[models], possible, y[models], 1 + y[models] ** 2, settings)

    together = train([0, 1, 2])
    for model in range(3):
        for name, value in train([model])[0].items():
            np.testing.assert_allclose(value, together[model][name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_only_long_gradients_are_shortened():
    network = initial_nao(np.random.default_rng(0), 5, 8)
    stack = Stack([network] * 2)
    stack.flat_gradient.normal_(generator=torch.Generator().manual_seed(0))
    short = 1.0 / float(sum(block.square().sum() for block in stack.gradients.values()) ** 0.5)
    for name, block in stack.gradients.items():
        (block[:, 0] if name.endswith("[]") else block[0]).mul_(short)
    before = {name: block.clone() for name, block in stack.gradients.items()}
    clip(stack, 5.0)

    def part(blocks, model):
        parts = [block[:, model] if name.endswith("[]") else block[model] for name, block in blocks.items()]
        return torch.cat([values.flatten() for values in parts])

    np.testing.assert_array_equal(part(stack.gradients, 0), part(before, 0))
    shortened = part(stack.gradients, 1)
    assert float(shortened.norm()) == pytest.approx(5.0, rel=1e-4)
    direction = part(before, 1) / part(before, 1).norm()
    np.testing.assert_allclose(shortened, 5.0 * direction, rtol=1e-3, atol=1e-6)

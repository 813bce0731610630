"""The language model of a recurrent cell, and its closed-form cost."""

import json

import numpy as np
import pytest
import torch

from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo, as_arch
from tasks.spaces.nasbench_nlp import NasBenchNlp
from tasks.spaces.nasbench_nlp_network import OPERATORS

SPACE = NasBenchNlp()
TEXT = DatasetInfo("text", num_classes=50)
GRU = json.dumps(
    {
        "r": {"op": "linear", "input": ["x", "h_prev_0"]},
        "r_act": {"op": "activation_sigm", "input": ["r"]},
        "z": {"op": "linear", "input": ["x", "h_prev_0"]},
        "z_act": {"op": "activation_sigm", "input": ["z"]},
        "rh": {"op": "elementwise_prod", "input": ["r_act", "h_prev_0"]},
        "u": {"op": "linear", "input": ["x", "rh"]},
        "u_act": {"op": "activation_tanh", "input": ["u"]},
        "h_new_0": {"op": "blend", "input": ["z_act", "h_prev_0", "u_act"]},
    }
)


def multiply_adds(model, tokens, monkeypatch):
    """Counted while the model runs: matrix products by their weights, the rest by elements."""
    total = 0
    batch = tokens.numel()

    def linear(inputs, weight, bias=None, original=torch.nn.functional.linear):
        nonlocal total
        total += weight.numel() * inputs[..., 0].numel()
        return original(inputs, weight, bias)

    def counted(operator, cost):
        def run(*values):
            nonlocal total
            total += cost * values[0].numel()
            return operator(*values)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", linear)
        for name, operator in OPERATORS.items():
            patch.setitem(OPERATORS, name, counted(operator, 2 if name == "blend" else 1))
        model(tokens)
    assert total % batch == 0
    return total // batch


@pytest.mark.parametrize("size", [{"tied": 1, "layers": 2}, {"tied": 0, "layers": 1}])
def test_cost_is_that_of_the_network(size, monkeypatch):
    size = {"embedding": 5, "hidden": 7, **size}
    codes = SPACE.sample(np.random.default_rng(0), 6)
    params, flops = SPACE.count(codes, TEXT, **size)
    tokens = torch.zeros(3, 2, dtype=torch.int64)
    for row, param, flop in zip(codes, params, flops, strict=True):
        model = SPACE.build(as_arch(row), TEXT, **size)
        assert sum(parameter.numel() for parameter in model.parameters()) == param
        assert multiply_adds(model, tokens, monkeypatch) == flop


def test_published_number_of_parameters():
    """The long short-term memory in the published model of WikiText-2 (33,278 words)."""
    cells = SPACE.parse_many(
        [
            json.dumps(
                {
                    **{n: {"op": "linear", "input": ["x", "h_prev_0"]} for n in "ijfo"},
                    **{f"{n}_act": {"op": "activation_sigm", "input": [n]} for n in "ijfo"},
                    "part1": {"op": "elementwise_prod", "input": ["f_act", "h_prev_1"]},
                    "part2": {"op": "elementwise_prod", "input": ["i_act", "j_act"]},
                    "h_new_1": {"op": "elementwise_sum", "input": ["part1", "part2"]},
                    "act": {"op": "activation_tanh", "input": ["h_new_1"]},
                    "h_new_0": {"op": "elementwise_prod", "input": ["act", "o_act"]},
                }
            )
        ]
    )
    assert SPACE.count(cells, DatasetInfo("wikitext-2", 33278))[0].tolist() == [20230878]


def test_the_gated_recurrent_unit_is_that_of_torch():
    # torch puts the reset gate behind the matrix product, so a reset gate that is open compares.
    torch.manual_seed(0)
    model = SPACE.build(SPACE.parse(GRU), TEXT, embedding=4, hidden=4, layers=1)
    layer = model.layers[0]
    reset, update, new = (layer.linear[str(node)] for node in (0, 2, 5))
    unit = torch.nn.GRU(4, 4)
    with torch.no_grad():
        reset.bias.fill_(1e3)
        unit.weight_ih_l0.copy_(torch.cat([m.weights[0] for m in (reset, update, new)]))
        unit.weight_hh_l0.copy_(torch.cat([m.weights[1] for m in (reset, update, new)]))
        unit.bias_ih_l0.copy_(torch.cat([m.bias for m in (reset, update, new)]))
        unit.bias_hh_l0.zero_()
    tokens = torch.randint(50, (6, 3))
    logits, states = model(tokens)
    expected, last = unit(model.embedding(tokens))
    torch.testing.assert_close(logits, model.decoder(expected))
    torch.testing.assert_close(states[0][0], last[0])


def test_the_state_is_carried_on():
    arch = as_arch(SPACE.sample(np.random.default_rng(3), 1)[0])
    model = SPACE.build(arch, TEXT, embedding=4, hidden=6, layers=2)
    tokens = torch.randint(50, (8, 2))
    whole, last = model(tokens)
    first, states = model(tokens[:5])
    rest, after = model(tokens[5:], states)
    torch.testing.assert_close(torch.cat([first, rest]), whole)
    torch.testing.assert_close(after, last)


def test_a_tied_model_has_one_matrix():
    model = SPACE.build(SPACE.parse(GRU), TEXT, embedding=4, hidden=6, layers=2)
    assert model.decoder.weight is model.embedding.weight
    untied = SPACE.build(SPACE.parse(GRU), TEXT, embedding=4, hidden=6, layers=2, tied=0)
    assert untied.decoder.weight.shape == (50, 6)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"width": 3}, "unknown size 'width'"),
        ({"hidden": 0}, "must be at least 1"),
        ({"hidden": 1.5}, "must be an integer"),
        ({"tied": 2}, "must be 0 or 1"),
    ],
)
def test_wrong_sizes(size, message):
    with pytest.raises(InputError, match=message):
        SPACE.build(SPACE.parse(GRU), TEXT, **size)


def test_the_vocabulary_must_be_known():
    with pytest.raises(InputError, match="num_classes"):
        SPACE.build(SPACE.parse(GRU), DatasetInfo("text"))

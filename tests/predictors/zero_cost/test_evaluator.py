"""The proxies against their formulas, written out again on small networks."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from predictors.zero_cost.evaluator import evaluate
from predictors.zero_cost.scoring import PROXIES, MiniBatch
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo
from tasks.spaces.darts import Darts
from tasks.spaces.nasbench101 import NasBench101
from tasks.spaces.nasbench201 import NasBench201

INFO = DatasetInfo("made-up", 4, 8, 2)
CELL, DEAD = (3, 1, 3, 2, 4, 3), (3, 1, 3, 0, 0, 0)
SIZE = {"channels": 4, "cells": 1}


def _batch(n=8):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(n, 2, 8, 8)).astype(np.float32)
    return MiniBatch(images, rng.integers(4, size=n), 4)


def _network(arch=CELL, space=None, **size):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return (space or NasBench201()).build(arch, INFO, **{**SIZE, **size})


def _layers(network):
    return [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _loss(network, batch):
    outputs = network.train()(torch.from_numpy(batch.images))
    return nn.functional.cross_entropy(outputs, torch.from_numpy(batch.labels))


@pytest.fixture(scope="module")
def together():
    return evaluate(_network(), _batch(), PROXIES, seed=3)


def test_all_are_defined_and_take_time(together):
    assert tuple(together) == PROXIES
    for score in together.values():
        assert score.reason == ""
        assert math.isfinite(score.value)
        assert score.seconds > 0


@pytest.mark.parametrize("name", PROXIES)
def test_alone_or_together_is_the_same_to_the_last_bit(name, together):
    assert evaluate(_network(), _batch(), [name], seed=3)[name].value == together[name].value


@pytest.mark.parametrize("pair", [("grasp", "jacov"), ("nwot", "fisher"), ("epe_nas", "snip")])
def test_pairs_in_any_order(pair, together):
    for names in (pair, pair[::-1]):
        scores = evaluate(_network(), _batch(), names)
        assert tuple(scores) == names
        assert all(scores[name].value == together[name].value for name in names)


def test_from_the_gradient_of_the_loss(together):
    network = _network()
    _loss(network, _batch()).backward()
    pairs = [(m.weight.detach().double(), m.weight.grad.double()) for m in _layers(network)]
    assert together["snip"].value == pytest.approx(sum(float((w * g).abs().sum()) for w, g in pairs))
    assert together["plain"].value == pytest.approx(sum(float((w * g).sum()) for w, g in pairs), abs=1e-6)
    assert together["grad_norm"].value == pytest.approx(sum(float(g.norm()) for _, g in pairs), rel=1e-5)
    assert together["l2_norm"].value == pytest.approx(sum(float(w.norm()) for w, _ in pairs), rel=1e-5)


def test_fisher_by_gates_of_the_channels(together):
    """The sum over positions of activation times gradient is the gradient of a gate of 1 per channel."""
    network, gates = _network(), []

    def hook(module, _inputs, output):
        gate = torch.ones(output.shape[:2], requires_grad=True)
        gates.append((gate, module.weight[0].numel()))
        return output * gate.reshape(*gate.shape, *[1] * (output.ndim - 2))

    for module in _layers(network):
        module.register_forward_hook(hook)
    _loss(network, _batch()).backward()
    expected = sum(0.5 * float((g.grad.double() ** 2).mean(dim=0).sum()) * n for g, n in gates)
    assert together["fisher"].value == pytest.approx(expected, rel=1e-4)


def test_grasp_by_differences_of_gradients():
    network, batch = _network(), _batch(32)
    score = evaluate(network, batch, ["grasp"])["grasp"].value
    network = network.double()
    batch = MiniBatch(batch.images.astype(np.float64), batch.labels, 4)
    w = [m.weight for m in _layers(network)]
    g = torch.autograd.grad(_loss(network, batch), w)
    start, found = [v.detach().clone() for v in w], []
    for step in (1e-5, -1e-5):
        with torch.no_grad():
            for v, s, d in zip(w, start, g, strict=True):
                v.copy_(s + step * d)
        there = torch.autograd.grad(_loss(network, batch), w)
        found.append(sum(float((s * d).sum()) for s, d in zip(start, there, strict=True)))
    assert score == pytest.approx(-(found[0] - found[1]) / 2e-5, rel=1e-2)


def test_jacov_and_epe_nas_by_numpy(together):
    network, batch = _network(), _batch()
    images = torch.from_numpy(batch.images).requires_grad_()
    network(images).sum().backward()
    rows = images.grad.flatten(1).double().numpy()
    values = np.linalg.eigvalsh(np.corrcoef(rows)).clip(0) + 1e-5
    assert together["jacov"].value == pytest.approx(-np.sum(np.log(values) + 1 / values), rel=1e-4)
    expected = 0.0
    for label in range(4):
        own = rows[batch.labels == label]
        if len(own) > 1:
            expected += abs(np.log(np.abs(np.corrcoef(own)) + 1e-5).sum())
    assert together["epe_nas"].value == pytest.approx(expected, rel=1e-4)


def test_nwot_by_patterns(together):
    network, kernel = _network(), np.zeros((8, 8))

    def hook(_module, _inputs, output):
        on = (output > 0).flatten(1).double().numpy()
        kernel[:] += on @ on.T + (1 - on) @ (1 - on).T

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(hook)
    network.train()(torch.from_numpy(_batch().images))
    assert together["nwot"].value == pytest.approx(np.linalg.slogdet(kernel)[1])


def test_synflow_is_a_sum_over_paths():
    network = nn.Sequential(
        nn.Linear(2, 3, bias=False), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2, bias=False)
    )
    first, second = (network[i].weight.detach().double().abs() for i in (0, 3))
    flow = 2 * float((second @ first).sum())  # each of the two layers contributes the sum over all paths
    batch = MiniBatch(np.ones((4, 2), dtype=np.float32), np.array([0, 1, 0, 1]), 2)
    score = evaluate(network, batch, ["synflow"])["synflow"]
    assert score.value == pytest.approx(math.log(flow))


def test_synflow_of_a_deep_network_does_not_overflow():
    deep = nn.Sequential(*[nn.Linear(1, 1, bias=False) for _ in range(60)])
    for layer in deep:
        nn.init.constant_(layer.weight, 1e5)
    batch = MiniBatch(np.ones((2, 1), dtype=np.float32), np.zeros(2, dtype=np.int64), 1)
    score = evaluate(deep, batch, ["synflow"])["synflow"]
    assert score.value == pytest.approx(60 * math.log(1e5) + math.log(60))
    for layer in deep:
        nn.init.constant_(layer.weight, 1e6)
    score = evaluate(deep, batch, ["synflow"])["synflow"]
    assert (score.value, score.reason) == (None, "the synaptic flow is beyond double precision")


def test_zen_by_hand():
    convolution = nn.Conv2d(1, 1, 1, bias=False)
    network = nn.Sequential(convolution, nn.BatchNorm2d(1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    batch = MiniBatch(np.zeros((4, 1, 3, 3), dtype=np.float32), np.zeros(4, dtype=np.int64), 1)
    before = convolution.weight.detach().clone()
    score = evaluate(network, batch, ["zen"], seed=7)["zen"].value
    assert torch.equal(convolution.weight, before)
    source = torch.Generator().manual_seed(7)
    weight = torch.randn((1, 1, 1, 1), generator=source)
    x = torch.randn((4, 1, 3, 3), generator=source)
    other = x + 0.01 * torch.randn((4, 1, 3, 3), generator=source)
    f = [(weight * v - (weight * v).mean()) / (weight * v).var(correction=0).sqrt() for v in (x, other)]
    expected = math.log((f[0] - f[1]).abs().sum(dim=(1, 2, 3)).mean())
    expected += 0.5 * math.log((weight * x).var(correction=0))
    assert score == pytest.approx(expected, abs=1e-3)
    assert evaluate(network, batch, ["zen"], seed=8)["zen"].value != score


def test_a_dead_cell_has_no_flow_and_no_gradient():
    scores = evaluate(_network(DEAD), _batch(), PROXIES)
    undefined = {name: score.reason for name, score in scores.items() if score.value is None}
    assert undefined == {
        "jacov": "no gradient reaches the input",
        "epe_nas": "no gradient reaches the input",
        "synflow": "no signal flows through the network",
        "zen": "no signal flows through the network",
    }
    for name in ("snip", "grad_norm", "grasp"):  # fisher sees the bias of the classifier at work
        assert scores[name].value == 0


def test_equal_images_have_no_nwot():
    batch = _batch()
    batch.images[1] = batch.images[0]
    score = evaluate(_network(), batch, ["nwot"])["nwot"]
    assert (score.value, score.reason) == (None, "the kernel of activation patterns is singular")


def test_one_image_per_class_has_no_epe_nas():
    batch = MiniBatch(_batch(4).images, np.arange(4), 4)
    assert evaluate(_network(), batch, ["epe_nas"])["epe_nas"].reason == (
        "the mini-batch has too few images of one class"
    )


def test_networks_that_lack_what_a_proxy_looks_at():
    network = nn.Sequential(nn.Flatten(), nn.Linear(128, 4))
    scores = evaluate(network, _batch(), ["nwot", "zen"])
    assert scores["nwot"].reason == "the network has no ReLU layers"
    assert scores["zen"].reason == "the network has no global pooling (AdaptiveAvgPool2d)"


def test_activations_in_place():
    names = ["fisher", "nwot", "jacov", "snip"]
    scores = []
    for inplace in (False, True):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(inplace=inplace), nn.Flatten(), nn.Linear(144, 4))
        scores.append({name: score.value for name, score in evaluate(network, _batch(), names).items()})
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("space", "size"),
    [(NasBench101(), {"channels": 8, "cells": 1}), (Darts(), {"channels": 4, "cells": 3})],
    ids=["nasbench101", "darts"],
)
def test_other_spaces(space, size):
    arch = tuple(int(code) for code in space.sample(np.random.default_rng(1), 1)[0])
    scores = evaluate(_network(arch, space, **size), _batch(), PROXIES)
    assert {name for name, score in scores.items() if score.value is None} == set()


def test_unknown_proxy():
    with pytest.raises(InputError, match="zero-cost proxy 'snap': did you mean 'snip'"):
        evaluate(_network(), _batch(), ["snap"])


def test_parameters_are_left_as_they_are():
    network = _network()
    before = [p.detach().clone() for p in network.parameters()]
    evaluate(network, _batch(), PROXIES)
    assert all(itertools.starmap(torch.equal, zip(before, network.parameters(), strict=True)))

"""SynFlow: Tanaka, Kunin, Yamins and Ganguli, "Pruning neural networks without any data", NeurIPS 2020."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from predictors.zero_cost.layers import NORMS, gradients, weights
from predictors.zero_cost.scoring import UndefinedScoreError


def synflow(network: nn.Module, shape: tuple[int, ...]) -> float:
    """Return ln of the sum over the weights of abs(w dR/dw).

    R is the sum of the outputs for an input of ones, with all parameters replaced by their absolute
    values and without batch normalisation. R grows exponentially with the depth, beyond single
    precision: it is computed in double precision, and the logarithm is what is reported; the ranking
    is the same.

    Args:
        network: Left as it is.
        shape: Of one image: (channels, height, width).

    Raises:
        UndefinedScoreError: No weight has an influence (ln 0), or the sum is beyond double precision.
    """
    positive = _without_norms(copy.deepcopy(network)).double()
    with torch.no_grad():
        for parameter in positive.parameters():
            parameter.abs_()
    of = weights(positive)
    ones = torch.ones((1, *shape), dtype=torch.float64, device=of[0].device if of else None)
    total = positive(ones).sum()
    if not of or not total.requires_grad:
        raise UndefinedScoreError("no signal flows through the network")
    found = gradients(total, of)
    flow = sum(float((w.detach() * g).abs().sum()) for w, g in zip(of, found, strict=True))
    if not math.isfinite(flow):
        raise UndefinedScoreError("the synaptic flow is beyond double precision")
    if flow == 0:
        raise UndefinedScoreError("no signal flows through the network")
    return math.log(flow)


def _without_norms(network: nn.Module) -> nn.Module:
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, NORMS):
                setattr(module, name, nn.Identity())
    return network

"""Any set of zero-cost proxies of one network in the fewest passes.

===================================  ==========================================================
pass                                 serves
===================================  ==========================================================
forward over the images              fisher, grad_norm, grasp, plain, snip; jacov, epe_nas; nwot
backward of the cross-entropy        fisher, grad_norm, grasp, plain, snip
backward through that                grasp
backward of the summed outputs       jacov, epe_nas (to the images; no gradients of weights)
forward and backward of one input    synflow
two forward passes over noise        zen
===================================  ==========================================================
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from predictors.zero_cost import layers, response, statistics, weight_gradient
from predictors.zero_cost.flow import synflow
from predictors.zero_cost.scoring import PROXIES, MiniBatch, Proxy, ProxyScore, UndefinedScoreError
from predictors.zero_cost.zen import zen
from tasks.errors import InputError, did_you_mean

_GRADIENT = {"fisher", "grad_norm", "grasp", "plain", "snip"}
_JACOBIAN = {"jacov", "epe_nas"}
_FORWARD = {*_GRADIENT, *_JACOBIAN, "nwot"}


def evaluate(
    network: nn.Module, batch: MiniBatch, names: Sequence[Proxy], *, seed: int = 0
) -> dict[Proxy, ProxyScore]:
    """Score a freshly initialised network, in training mode.

    A score does not depend on the other proxies that are asked for. Values are those of the formulas
    in this package, signs as published; whatever has no finite value is undefined, with a reason.

    Args:
        network: Takes images, returns logits of shape (n, classes). Its parameters are left as they
            are; it is put into training mode, and its running averages change.
        batch: At least two images.
        names: Which proxies.
        seed: Of the noise of ``zen``, the only one with randomness of its own.

    Raises:
        InputError: An unknown proxy.
    """
    for name in names:
        if name not in PROXIES:
            raise InputError(f"zero-cost proxy {name!r}: {did_you_mean(name, PROXIES)}")
    run = _Run(network.train(), batch, set(names))
    layers.out_of_place(network)
    shape = batch.images.shape
    run.forward_passes()
    run.score("l2_norm", lambda: float(weight_gradient.l2_norm(layers.weights(network))))
    run.score("synflow", lambda: synflow(network, shape[1:]))
    run.score("zen", lambda: zen(network, shape, torch.Generator().manual_seed(seed)))
    return {name: run.scores[name] for name in dict.fromkeys(names)}


def _number(formula: Callable[..., Tensor], *arguments: object) -> float:
    return float(formula(*arguments))


class _Run:
    """Scores of one network as they come, and the seconds of the passes that they need."""

    def __init__(self, network: nn.Module, batch: MiniBatch, names: set[Proxy]) -> None:
        self._network, self._batch, self._names = network, batch, names
        first = next(network.parameters(), None)
        self._device = torch.device("cpu") if first is None else first.device
        self._spent: dict[str, float] = {}
        self.scores: dict[Proxy, ProxyScore] = {}

    def score(self, name: Proxy, compute: Callable[[], float], needs: Sequence[str] = ()) -> None:
        """Compute a score if it is asked for; it takes its own time and that of the passes it needs."""
        if name not in self._names:
            return
        value, reason = None, ""
        with self._clock(name):
            try:
                value = compute()
            except UndefinedScoreError as error:
                reason = str(error)
        if value is not None and not math.isfinite(value):
            value, reason = None, f"the score is {value}"
        seconds = sum(self._spent[part] for part in (name, *needs))
        self.scores[name] = ProxyScore(value, seconds, reason)

    def forward_passes(self) -> None:
        """One forward pass, and the backward passes through it, for what is asked of them."""
        if not self._names & _FORWARD:
            return
        kernel, fisher = response.PatternKernel(), weight_gradient.FisherInformation()
        images = torch.from_numpy(self._batch.images).to(self._device)
        jacobian = bool(self._names & _JACOBIAN)
        loss = bool(self._names & _GRADIENT)
        images.requires_grad_(jacobian)
        with ExitStack() as stack:
            if "nwot" in self._names:
                stack.enter_context(layers.watching(self._network, (nn.ReLU,), kernel.see))
            if "fisher" in self._names:
                stack.enter_context(layers.watching(self._network, layers.WEIGHTED, fisher.see))
            stack.enter_context(torch.set_grad_enabled(jacobian or loss))
            with self._clock("forward"):
                outputs = self._network(images)
        self.score("nwot", kernel.score, ["forward"])
        if loss:
            self._loss_passes(outputs, fisher, keep_graph=jacobian)
        if jacobian:
            with self._clock("input"):
                rows = response.input_gradients(outputs, images, keep_graph=False)
            needs, labels, classes = ["forward", "input"], self._batch.labels, self._batch.classes
            self.score("jacov", lambda: statistics.jacobian_covariance(rows), needs)
            self.score("epe_nas", lambda: statistics.class_correlations(rows, labels, classes), needs)

    def _loss_passes(
        self, outputs: Tensor, fisher: weight_gradient.FisherInformation, *, keep_graph: bool
    ) -> None:
        second = "grasp" in self._names
        labels = torch.from_numpy(self._batch.labels).to(self._device)
        w = layers.weights(self._network)
        with self._clock("backward"):
            loss = nn.functional.cross_entropy(outputs, labels)
            g = layers.gradients(loss, w, keep_graph=keep_graph, create_graph=second)
        needs = ["forward", "backward"]
        self.score("fisher", fisher.seal, needs)
        for name, formula in weight_gradient.FROM_GRADIENT.items():
            self.score(name, partial(_number, formula, w, g), needs)
        self.score("grasp", lambda: float(weight_gradient.grasp(w, g, keep_graph=keep_graph)), needs)

    @contextmanager
    def _clock(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            self._spent[part] = time.perf_counter() - began

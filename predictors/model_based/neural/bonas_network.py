"""Graph convolutions with batch normalisation and a global node, many networks at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from predictors.device import tensor_device
from predictors.model_based.neural.adam import Adam, Rate, cosine
from predictors.model_based.neural.batches import epoch_orders
from predictors.model_based.neural.stack import Initial, Stack

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]

LAYERS = 4
"""Graph convolutions."""

_EPSILON, _MOMENTUM = 1e-5, 0.1
"""Of batch normalisation: added to variances; share of a batch in the running statistics."""


@dataclass(frozen=True, slots=True)
class BonasSettings:
    """What training needs to know besides the data.

    Attributes:
        epochs: Passes over the training set.
        batch: Graphs per step, at least 2; the last batch of an epoch may have fewer.
        learning_rate: Of Adam in the first epoch; falls to 0 along half a cosine.
    """

    epochs: int
    batch: int
    learning_rate: Rate


def initial_bonas(rng: np.random.Generator, features: int, hidden: int) -> Initial:
    """Draw a network: convolutions uniform in +-0.05, output uniform within fan-in^-1/2.

    There is no bias before batch normalisation, which would take it away again.
    """
    widths = [features, *[hidden] * LAYERS]
    network: dict[str, Floats] = {}
    for layer in range(LAYERS):
        network[f"conv{layer}"] = rng.uniform(-0.05, 0.05, size=(widths[layer], widths[layer + 1]))
        network[f"scale{layer}"] = np.ones((1, hidden))
        network[f"shift{layer}"] = np.zeros((1, hidden))
    bound = hidden**-0.5
    network["output"] = rng.uniform(-bound, bound, size=hidden)
    network["output_bias"] = rng.uniform(-bound, bound, size=1)
    return network


def predict_bonas(network: Initial, spread: Floats, features: Floats) -> Floats:
    """Return the outputs of one network in double precision, with running statistics.

    Args:
        network: Its parameters, and ``mean0``, ``variance0``, ...
        spread: Propagation matrices, shape (n, v, v); row i sums what vertex i hears.
        features: Shape (n, v, features); the global node comes last.
    """
    hidden = features
    for layer in range(LAYERS):
        linear = spread @ hidden @ network[f"conv{layer}"] - network[f"mean{layer}"]
        scale = network[f"scale{layer}"] / np.sqrt(network[f"variance{layer}"] + _EPSILON)
        hidden = np.maximum(linear * scale + network[f"shift{layer}"], 0.0)
    return np.asarray(hidden[:, -1] @ network["output"] + network["output_bias"])


def train_bonas(
    generators: Sequence[np.random.Generator],
    initial: Sequence[Initial],
    graphs: tuple[Floats, Floats, Floats],
    y: Floats,
    settings: BonasSettings,
) -> list[Initial]:
    """Train M networks on mean squared error.

    Args:
        generators: Per model, for the order of its graphs.
        initial: Per model, its parameters before training.
        graphs: Propagation (M, n, v, v), features (M, n, v, features), which vertices are there
            (M, n, v) as zeros and ones.
        y: Targets, shape (M, n), n at least 2.
        settings: Of the training.

    Returns:
        Per model, its parameters after training and the running statistics.
    """
    import torch

    stack = Stack(initial)
    models, n = y.shape
    data = _Data(*graphs, y)
    slices = slices_without_single(n, settings.batch)
    running = _Running(models, initial[0]["output"].shape[0], stack.flat.device)
    v = graphs[1].shape[2]
    passes = {size: _Pass(stack, running, size, v) for size in {part.stop - part.start for part in slices}}
    adam = Adam(stack, learning_rate=settings.learning_rate)
    for epoch, order in enumerate(epoch_orders(generators, n, settings.epochs)):
        adam.learning_rate = cosine(settings.learning_rate, epoch, settings.epochs)
        for part in slices:
            passes[part.stop - part.start].run(data, torch.flatten(order[:, part]))
            adam.step()
    return [{**stack.model(index), **running.model(index)} for index in range(models)]


def slices_without_single(n: int, batch: int) -> list[slice]:
    """Return consecutive slices of ``batch`` rows; a single last row joins the slice before it.

    Batch normalisation of one graph would compare its vertices with each other only.
    """
    ends = list(range(batch, n, batch))
    if ends and n - ends[-1] == 1:
        ends.pop()
    return [slice(start, end) for start, end in zip([0, *ends], [*ends, n], strict=True)]


class _Running:
    """Running mean and variance of each layer, (M, 1, hidden)."""

    def __init__(self, models: int, hidden: int, device: torch.device) -> None:
        import torch

        self.mean = torch.zeros(LAYERS, models, 1, hidden, device=device)
        self.variance = torch.ones(LAYERS, models, 1, hidden, device=device)

    def model(self, index: int) -> dict[str, Floats]:
        parts: dict[str, Floats] = {}
        for layer in range(LAYERS):
            parts[f"mean{layer}"] = self.mean[layer, index].double().cpu().numpy()
            parts[f"variance{layer}"] = self.variance[layer, index].double().cpu().numpy()
        return parts


class _Data:
    """Training graphs of all models, those of model m at m n ... in the first axis."""

    def __init__(self, spread: Floats, features: Floats, there: Floats, y: Floats) -> None:
        import torch

        def rows(array: Floats) -> torch.Tensor:
            flat = torch.from_numpy(array.reshape(-1, *array.shape[2:]).astype(np.float32))
            return flat.to(tensor_device())

        # The first convolution spreads the features, which do not change: once is enough.
        self.first, self.spread = rows(spread @ features), rows(spread)
        self.there, self.y = rows(there), rows(y)
        self.complete = bool(np.all(there == 1.0))


class _Pass:
    """Forward and backward for one batch size, in buffers made once."""

    def __init__(self, stack: Stack, running: _Running, batch: int, v: int) -> None:
        import torch

        self.stack, self.running, self.batch, self.v = stack, running, batch, v
        models, rows, hidden = stack.models, batch * v, stack.values["output"].shape[1]
        self.graphs, self.hidden = models * batch, hidden
        widths = [stack.values[f"conv{layer}"].shape[1] for layer in range(LAYERS)]
        zeros = partial(torch.zeros, device=stack.flat.device)
        self.inputs = [zeros(models, rows, width) for width in widths]
        self.normal = [zeros(models, rows, hidden) for _ in range(LAYERS)]
        self.out = [zeros(models, rows, hidden) for _ in range(LAYERS)]
        self.back = zeros(models, rows, hidden)
        self.work = zeros(models, rows, hidden)
        self.squares = zeros(models, rows, hidden)

    def run(self, data: _Data, chosen: torch.Tensor) -> None:
        """Leave the gradient of the loss in the stack; ``chosen`` are rows of the data, (M B)."""
        import torch

        values, gradients = self.stack.values, self.stack.gradients
        models, batch, v, hidden = self.stack.models, self.batch, self.v, self.hidden
        by_graph = (self.graphs, v, hidden)
        spread = torch.index_select(data.spread, 0, chosen)
        there = data.there[chosen].view(models, batch * v, 1)
        count = there.sum(1, keepdim=True)
        torch.index_select(data.first, 0, chosen, out=self.inputs[0].view(self.graphs, v, -1))
        inverse = []
        for layer in range(LAYERS):
            if layer:
                torch.bmm(spread, self.out[layer - 1].view(by_graph), out=self.inputs[layer].view(by_graph))
            normal, work = self.normal[layer], self.squares
            torch.bmm(self.inputs[layer], values[f"conv{layer}"], out=normal)
            mean = normal.sum(1, keepdim=True).div_(count)
            normal.sub_(mean)
            if not data.complete:
                # An absent vertex hears nothing, so its product is 0: it counts in no sum before this.
                normal.mul_(there)
            variance = torch.mul(normal, normal, out=work).sum(1, keepdim=True).div_(count)
            inverse.append(torch.rsqrt(variance + _EPSILON))
            normal.mul_(inverse[layer])
            torch.mul(normal, values[f"scale{layer}"], out=self.out[layer])
            self.out[layer].add_(values[f"shift{layer}"]).clamp_min_(0.0)
            unbiased = variance.mul_(count / (count - 1.0))
            self.running.mean[layer].lerp_(mean, _MOMENTUM)
            self.running.variance[layer].lerp_(unbiased, _MOMENTUM)

        read = self.out[-1].view(models, batch, v, hidden)[:, :, -1]
        output = values["output"].unsqueeze(1)
        error = (read * output).sum(2).add_(values["output_bias"]).sub_(data.y[chosen].view(models, batch))
        slope = error.mul_(2.0 / batch).unsqueeze(2)
        torch.sum(read * slope, 1, out=gradients["output"])
        torch.sum(slope, 1, out=gradients["output_bias"])
        self.back.zero_()
        torch.mul(slope, output, out=self.back.view(models, batch, v, hidden)[:, :, -1])
        for layer in range(LAYERS - 1, -1, -1):
            normal, back = self.normal[layer], self.back
            # The sign of what is rectified: one where it was positive.
            back.mul_(torch.sign(self.out[layer], out=self.work))
            torch.sum(back, 1, keepdim=True, out=gradients[f"shift{layer}"])
            if not data.complete:
                back.mul_(there)
            torch.sum(torch.mul(back, normal, out=self.work), 1, keepdim=True, out=gradients[f"scale{layer}"])
            # Ioffe and Szegedy, "Batch Normalization", ICML 2015, section 3.
            along = gradients[f"scale{layer}"] / count
            level = back.sum(1, keepdim=True).div_(count)
            back.sub_(level).sub_(torch.mul(normal, along, out=self.work))
            back.mul_(inverse[layer] * values[f"scale{layer}"])
            if not data.complete:
                back.mul_(there)
            weights = values[f"conv{layer}"]
            torch.bmm(self.inputs[layer].transpose(1, 2), back, out=gradients[f"conv{layer}"])
            if layer:
                torch.bmm(back, weights.transpose(1, 2), out=self.work)
                torch.bmm(spread.transpose(1, 2), self.work.view(by_graph), out=self.back.view(by_graph))

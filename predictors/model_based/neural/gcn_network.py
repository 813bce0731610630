"""Directed graph convolutions with gradients written out, many networks at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from predictors.device import tensor_device
from predictors.model_based.neural.adam import Adam, Rate, cosine
from predictors.model_based.neural.batches import batch_slices, epoch_orders
from predictors.model_based.neural.dropout import Dropout
from predictors.model_based.neural.stack import Initial, Stack, xavier_uniform

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]

LAYERS = 4
"""Graph convolutions."""

HEAD = 128
"""Units between pooling and output."""


@dataclass(frozen=True, slots=True)
class GcnSettings:
    """What training needs to know besides the data.

    Attributes:
        epochs: Passes over the training set.
        batch: Graphs per step; the last batch of an epoch may have fewer.
        learning_rate: Of Adam in the first epoch; falls to 0 along half a cosine.
        weight_decay: L2 penalty, added to the gradient.
        dropout: Share of the activations that are dropped.
    """

    epochs: int
    batch: int
    learning_rate: Rate
    weight_decay: Rate
    dropout: float


def propagation(adjacency: Floats) -> Floats:
    """Return N(A + I) and N(A^T + I), rows normalised to sum 1; shape (n, 2, v, v) for (n, v, v)."""
    loops = np.eye(adjacency.shape[1])
    both = np.stack([adjacency + loops, adjacency.transpose(0, 2, 1) + loops], axis=1)
    return np.asarray(both / both.sum(axis=3, keepdims=True))


def initial_gcn(rng: np.random.Generator, features: int, hidden: int, gain: float) -> Initial:
    """Draw a network: Xavier-uniform convolutions x gain, linear layers uniform within fan-in^-1/2."""
    widths = [features, *[hidden] * LAYERS]
    convolutions = {
        f"conv{layer}[]": gain * xavier_uniform(rng, 2, widths[layer], widths[layer + 1])
        for layer in range(LAYERS)
    }
    return {
        **convolutions,
        "head": rng.uniform(-1.0, 1.0, size=(hidden, HEAD)) / hidden**0.5,
        "output": rng.uniform(-1.0, 1.0, size=HEAD) / HEAD**0.5,
    }


def predict_gcn(network: Initial, spread: Floats, features: Floats, share: Floats) -> Floats:
    """Return the outputs of one network in double precision.

    Args:
        network: Its parameters.
        spread: ``propagation`` of the graphs, shape (n, 2, v, v).
        features: Shape (n, v, features); zero for absent vertices.
        share: 1 / number of vertices that are there, shape (n,).
    """
    hidden = features
    for layer in range(LAYERS):
        forward, backward = network[f"conv{layer}[]"]
        along = np.maximum(spread[:, 0] @ hidden @ forward, 0.0)
        against = np.maximum(spread[:, 1] @ hidden @ backward, 0.0)
        hidden = 0.5 * (along + against)
    pooled = hidden.sum(axis=1) * share[:, None]
    return np.asarray(pooled @ network["head"] @ network["output"])


def train_gcns(
    generators: Sequence[np.random.Generator],
    initial: Sequence[Initial],
    graphs: tuple[Floats, Floats, Floats],
    y: Floats,
    settings: GcnSettings,
) -> list[Initial]:
    """Train M networks on mean squared error.

    Args:
        generators: Per model, for the order of its graphs and for dropout.
        initial: Per model, its parameters before training.
        graphs: Propagation (M, n, 2, v, v), features (M, n, v, features) and shares (M, n), as
            ``predict_gcn`` has them.
        y: Targets, shape (M, n).
        settings: Of the training.

    Returns:
        Per model, its parameters after training.
    """
    import torch

    stack = Stack(initial)
    dropout = Dropout(settings.dropout)
    data = _Data(*graphs, y, kept=dropout.kept)
    slices = batch_slices(y.shape[1], settings.batch)
    passes = {size: _Pass(stack, size, graphs[1].shape[2]) for size in {_rows(part) for part in slices}}
    adam = Adam(stack, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)
    for epoch, order in enumerate(epoch_orders(generators, y.shape[1], settings.epochs)):
        adam.learning_rate = cosine(settings.learning_rate, epoch, settings.epochs)
        for part in slices:
            one = passes[_rows(part)]
            dropout.draw(generators, one.mask)
            one.run(data, torch.flatten(order[:, part]))
            adam.step()
    return [stack.model(index) for index in range(len(initial))]


def _rows(part: slice) -> int:
    return int(part.stop - part.start)


class _Data:
    """Training graphs of all models, those of model m at m n ... in the first axis.

    Activations are computed without their factors 1/2 (mean of two directions) and 1/kept (dropout):
    those are in the matrices that spread them and in the pooling.
    """

    def __init__(self, spread: Floats, features: Floats, share: Floats, y: Floats, *, kept: float) -> None:
        import torch

        def rows(array: Floats) -> torch.Tensor:
            flat = torch.from_numpy(array.reshape(-1, *array.shape[2:]).astype(np.float32))
            return flat.to(tensor_device())

        # The first convolution spreads the features, which do not change: once is enough.
        first = spread @ features[:, :, None]
        self.first = [rows(np.ascontiguousarray(first[:, :, direction])) for direction in range(2)]
        scaled = spread * (0.5 / kept)
        self.spread = [rows(np.ascontiguousarray(scaled[:, :, direction])) for direction in range(2)]
        self.share, self.y = rows(share * (0.5 / kept)), rows(y)
        self.kept = kept


class _Convolution:
    """Buffers of one layer, and the views of them that products need.

    Attributes:
        inputs: What each direction's weights multiply, (2, M, rows, width).
        rectified: Rectified products, (2, M, rows, hidden).
        out: Their sum after dropout, (M, rows, hidden).
        mask: Dropout.
    """

    def __init__(self, stack: Stack, layer: int, graphs: int, v: int, mask: torch.Tensor) -> None:
        import torch

        weight, gradient = stack.values[f"conv{layer}[]"], stack.gradients[f"conv{layer}[]"]
        models, width, hidden = stack.models, weight.shape[2], weight.shape[3]
        rows = graphs * v // models
        self.mask = mask.view(models, rows, hidden)
        zeros = partial(torch.zeros, device=weight.device)
        self.inputs = zeros(2, models, rows, width)
        self.rectified = zeros(2, models, rows, hidden)
        self.directions = list(self.rectified)
        self.out = zeros(models, rows, hidden)
        self.weight, self.gradient = weight.flatten(0, 1), gradient.flatten(0, 1)
        self.weight_transposed = self.weight.transpose(1, 2)
        self.inputs_flat = self.inputs.flatten(0, 1)
        self.inputs_transposed = self.inputs_flat.transpose(1, 2)
        self.rectified_flat = self.rectified.flatten(0, 1)
        self.inputs_by_graph = [part.view(graphs, v, width) for part in self.inputs]
        self.out_by_graph = self.out.view(graphs, v, hidden)


class _Pass:
    """Forward and backward for one batch size, in buffers made once."""

    def __init__(self, stack: Stack, batch: int, v: int) -> None:
        import torch

        self.stack, self.batch = stack, batch
        models, rows, graphs = stack.models, batch * v, stack.models * batch
        hidden = stack.values["head"].shape[1]
        size = rows * hidden
        zeros = partial(torch.zeros, device=stack.flat.device)
        self.mask = zeros(models, LAYERS * size + batch * HEAD)
        self.layers = [
            _Convolution(stack, layer, graphs, v, self.mask[:, layer * size : (layer + 1) * size])
            for layer in range(LAYERS)
        ]
        self.head_mask = self.mask[:, LAYERS * size :].view(models, batch, HEAD)
        self.head_transposed = stack.values["head"].transpose(1, 2)
        self.pooling = (models, batch, v, hidden)
        self.out = self.layers[-1].out.view(self.pooling)
        # Derivatives: by the sum of two directions, by each product, by each input of the weights.
        self.back = zeros(models, rows, hidden)
        self.back_pooled = self.back.view(self.pooling)
        self.back_both = self.back.unsqueeze(0)
        self.back_by_graph = self.back.view(graphs, v, hidden)
        self.delta = zeros(2, models, rows, hidden)
        self.delta_flat = self.delta.flatten(0, 1)
        self.inner = zeros(2 * models, rows, hidden)
        self.inner_by_graph = list(self.inner.view(2, graphs, v, hidden))

    def run(self, data: _Data, chosen: torch.Tensor) -> None:
        """Leave the gradient of the loss in the stack.

        Args:
            data: All training graphs.
            chosen: Rows of the data, (M B); the masks have been drawn.
        """
        import torch

        values, gradients, layers = self.stack.values, self.stack.gradients, self.layers
        spread = [torch.index_select(matrix, 0, chosen) for matrix in data.spread]
        back = [matrix.transpose(1, 2) for matrix in spread]
        for direction in range(2):
            torch.index_select(data.first[direction], 0, chosen, out=layers[0].inputs_by_graph[direction])
        for index, layer in enumerate(layers):
            if index:
                for direction in range(2):
                    into = layer.inputs_by_graph[direction]
                    torch.bmm(spread[direction], layers[index - 1].out_by_graph, out=into)
            torch.bmm(layer.inputs_flat, layer.weight, out=layer.rectified_flat).clamp_min_(0.0)
            torch.add(*layer.directions, out=layer.out).mul_(layer.mask)

        models, batch = self.stack.models, self.batch
        share = data.share[chosen].view(models, batch, 1)
        pooled = self.out.sum(2).mul_(share)
        head = torch.bmm(pooled, values["head"]).mul_(self.head_mask)
        weights = (values["output"] / data.kept).unsqueeze(1)
        error = (head * weights).sum(2).sub_(data.y[chosen].view(models, batch))
        slope = error.mul_(2.0 / batch).unsqueeze(2)

        torch.sum(head * slope, 1, out=gradients["output"]).div_(data.kept)
        delta_head = (slope * weights).mul_(self.head_mask)
        torch.bmm(pooled.transpose(1, 2), delta_head, out=gradients["head"])
        delta_pooled = torch.bmm(delta_head, self.head_transposed).mul_(share)
        self.back_pooled.copy_(delta_pooled.unsqueeze(2).expand(self.pooling))
        for index in range(LAYERS - 1, -1, -1):
            layer = layers[index]
            self.back.mul_(layer.mask)
            # The sign of what is rectified: one where it was positive.
            torch.sign(layer.rectified, out=self.delta).mul_(self.back_both)
            torch.bmm(layer.inputs_transposed, self.delta_flat, out=layer.gradient)
            if index:
                torch.bmm(self.delta_flat, layer.weight_transposed, out=self.inner)
                torch.bmm(back[0], self.inner_by_graph[0], out=self.back_by_graph)
                self.back_by_graph.baddbmm_(back[1], self.inner_by_graph[1])

"""Language models of one cell, trained side by side: each run has its own weights and its own text."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from tasks.benchmarks.training.text.layer import StackedLayer, Weights
from tasks.spaces.nasbench_nlp_network import LanguageModel, RecurrentLayer


class StackedWeights:
    """The parameters of copies of a language model.

    Args:
        models: The copies, which differ in their weights only.
        device: A torch device.

    Attributes:
        flat: All parameters of each copy, shape (runs, parameters).
        views: Each parameter of all copies by name, shape (runs, *shape); shares memory with ``flat``.
    """

    def __init__(self, models: Sequence[LanguageModel], device: str = "cpu") -> None:
        vectors = [torch.nn.utils.parameters_to_vector(model.parameters()).detach() for model in models]
        self.flat = torch.stack(vectors).to(device)
        self.shapes = {name: parameter.shape for name, parameter in models[0].named_parameters()}
        self.views = self._split(self.flat)

    def like(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Return zeros of the same form, for gradients: flat, and by name."""
        flat = torch.zeros_like(self.flat)
        return flat, self._split(flat)

    def _split(self, flat: Tensor) -> dict[str, Tensor]:
        parts = torch.split(flat, [prod(shape) for shape in self.shapes.values()], dim=1)
        named = zip(self.shapes.items(), parts, strict=True)
        return {name: torch.unflatten(part, 1, shape) for (name, shape), part in named}


class StackedModel:
    """Copies of a language model, for mini-batches of one shape.

    Those beside a copy have no influence on what it computes.

    Args:
        model: One copy, for its wiring.
        weights: Of all copies; may be changed between calls.
        steps: Tokens of a mini-batch that follow each other.
        batch: Texts of a mini-batch and run.
        train: Whether ``backward`` will be called.

    Attributes:
        gradients: Those of ``loss``, after ``backward``, shape (runs, parameters).
    """

    def __init__(
        self, model: LanguageModel, weights: StackedWeights, *, steps: int, batch: int, train: bool = True
    ) -> None:
        runs, vocabulary, wide = weights.views["embedding.weight"].shape
        self._views = weights.views
        self.gradients, views = weights.like() if train else (weights.flat[:, :0], {})
        self._gradients = views
        # Of a tied model the decoder's matrix is the embedding, and not listed again.
        self._decoder = "decoder.weight" if "decoder.weight" in self._views else "embedding.weight"
        self._layers: list[StackedLayer] = []
        shape = (steps, runs, batch)
        for number, layer in enumerate(model.layers):
            assert isinstance(layer, RecurrentLayer)
            prefix = f"layers.{number}.linear."
            own, their = _linear(self._views, prefix, layer), _linear(views, prefix, layer) if train else None
            self._layers.append(StackedLayer(layer, own, their, shape))
        new = weights.flat.new_zeros
        self._embedded = new(*shape, wide)
        self._logits = new(*shape, vocabulary)
        self._exponentials = new(*shape, vocabulary)
        self._offset = vocabulary * torch.arange(runs, device=weights.flat.device)[:, None]
        if train:
            self._errors = [new(self._embedded.shape), *(new(layer.outputs.shape) for layer in self._layers)]
            self._decoder_sum = new(self._views[self._decoder].shape)
            self._table = new(runs * vocabulary, wide)

    def reset(self) -> None:
        """Forget the hidden states; otherwise the next mini-batch goes on where the last one ended."""
        for layer in self._layers:
            layer.reset()

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of each run, in nats; shape (runs,).

        Args:
            tokens: Integers, shape (steps, runs, batch).
            targets: The tokens that follow, of the same shape.
        """
        self._rows = (tokens + self._offset).flatten()
        table = self._views["embedding.weight"].flatten(0, 1)
        torch.index_select(table, 0, self._rows, out=self._embedded.flatten(0, 2))
        values = self._embedded
        for layer in self._layers:
            layer.forward(values)
            values = layer.outputs
        bias, matrix = self._views["decoder.bias"][:, None], self._views[self._decoder].transpose(1, 2)
        for value, logits in zip(values.unbind(0), self._logits.unbind(0), strict=True):
            torch.baddbmm(bias, value, matrix, out=logits)
        self._logits -= self._logits.amax(dim=3, keepdim=True)
        torch.exp(self._logits, out=self._exponentials)
        self._sums = self._exponentials.sum(dim=3, keepdim=True)
        self._targets = targets[..., None]
        losses = self._sums.log() - self._logits.gather(3, self._targets)
        return losses.mean(dim=(0, 2, 3))

    def backward(self) -> None:
        """Compute ``gradients`` of the last ``loss``."""
        steps, _, batch, _ = self._logits.shape
        errors = self._exponentials.div_(self._sums)
        one = errors.new_full((1,), -1.0).expand(self._targets.shape)
        errors.scatter_add_(3, self._targets, one).div_(steps * batch)
        self.gradients.zero_()
        torch.sum(errors, dim=(0, 2), out=self._gradients["decoder.bias"])
        matrix = self._views[self._decoder]
        outputs = self._layers[-1].outputs.unbind(0)
        self._decoder_sum.zero_()
        for error, value, into in zip(errors.unbind(0), outputs, self._errors[-1].unbind(0), strict=True):
            self._decoder_sum.baddbmm_(error.transpose(1, 2), value)
            torch.bmm(error, matrix, out=into)
        inputs = [self._embedded, *(layer.outputs for layer in self._layers)]
        for number in range(len(self._layers) - 1, -1, -1):
            self._layers[number].backward(inputs[number], self._errors[number + 1])
            self._layers[number].input_errors(self._errors[number])
        self._table.zero_().index_add_(0, self._rows, self._errors[0].flatten(0, 2))
        embedding = self._gradients["embedding.weight"]
        embedding += self._table.view_as(embedding)
        self._gradients[self._decoder] += self._decoder_sum


def _linear(views: dict[str, Tensor], prefix: str, layer: RecurrentLayer) -> dict[int, Weights]:
    return {
        int(node): Weights(
            [views[f"{prefix}{node}.weights.{place}"] for place in range(len(layer.nodes[int(node)][1]))],
            views[f"{prefix}{node}.bias"],
        )
        for node in layer.linear
    }

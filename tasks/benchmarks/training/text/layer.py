"""A recurrent layer of stacked copies: forward, and backward through time by hand.

Tiny recurrent networks are bound by the overhead of single operations and of memory that is asked for
anew. So the derivatives are written out, a node costs a few operations per time step in either
direction, and all arrays are made once and used again in every mini-batch.

Arrays are (steps, runs, batch, width), so that one step of all runs lies in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.spaces.nasbench_nlp_form import FIRST_NODE, X
from tasks.spaces.nasbench_nlp_network import SLOPE, RecurrentLayer


@dataclass(frozen=True, slots=True)
class Weights:
    """Of a linear node: a matrix per vertex that it reads, (runs, out, in), and a bias, (runs, out)."""

    matrices: list[Tensor]
    bias: Tensor


class StackedLayer:
    """The copies of one layer, for mini-batches of one shape.

    Args:
        layer: One copy, for its wiring.
        weights: Linear nodes by number.
        gradients: Theirs, written by ``backward``; None if there will be none.
        shape: Steps, runs and batch.

    Attributes:
        outputs: What leaves the layer, shape (steps, runs, batch, width), after ``forward``.
    """

    def __init__(
        self,
        layer: RecurrentLayer,
        weights: dict[int, Weights],
        gradients: dict[int, Weights] | None,
        shape: tuple[int, int, int],
    ) -> None:
        self._nodes = layer.nodes
        self._states = [vertex - FIRST_NODE for vertex in layer.states]
        self._weights = weights
        self._gradients = gradients
        some = next(iter(weights.values())).bias

        def array() -> Tensor:
            return some.new_zeros(*shape, layer.width)

        self._values = [array() for _ in self._nodes]
        self._now = [value.unbind(0) for value in self._values]
        self._start = [some.new_zeros(*shape[1:], layer.width) for _ in self._states]
        self.outputs = self._values[self._states[0]]
        if gradients is not None:
            self._errors = [array() for _ in self._nodes]
            self._errors_now = [error.unbind(0) for error in self._errors]
            self._old = [array() for _ in self._states]
            # Batched products are slow where their results do not lie in one piece, as gradients do not.
            self._sums = {
                node: [
                    torch.empty_like(matrix, memory_format=torch.contiguous_format) for matrix in own.matrices
                ]
                for node, own in gradients.items()
            }
            self._factors = [[array() for _ in range(_OWN_FACTORS.get(name, 0))] for name, _ in self._nodes]

    def reset(self) -> None:
        """Start the next mini-batch from zeros, not from where the last one ended."""
        for start in self._start:
            start.zero_()

    def forward(self, inputs: Tensor) -> None:
        """Compute ``outputs`` from inputs of shape (steps, runs, batch, width of the layer below)."""
        turned = {
            node: [matrix.transpose(1, 2) for matrix in weights.matrices]
            for node, weights in self._weights.items()
        }
        biases = {node: weights.bias[:, None] for node, weights in self._weights.items()}
        for step, entering in enumerate(inputs.unbind(0)):
            vertices = self._vertices(step, entering)
            for node, (operation, read) in enumerate(self._nodes):
                out = vertices[FIRST_NODE + node]
                if operation != "linear":
                    _APPLY[operation]([vertices[vertex] for vertex in read], out)
                    continue
                total: Tensor = biases[node]
                for vertex, matrix in zip(read, turned[node], strict=True):
                    torch.baddbmm(total, vertices[vertex], matrix, out=out)
                    total = out
        if self._gradients is not None:
            for old, start, node in zip(self._old, self._start, self._states, strict=True):
                old[0], old[1:] = start, self._values[node][:-1]
        for start, node in zip(self._start, self._states, strict=True):
            start.copy_(self._now[node][-1])

    def backward(self, inputs: Tensor, errors: Tensor) -> None:
        """Write the gradients of the weights; replace ``errors`` by those of the inputs.

        Args:
            inputs: As in ``forward``.
            errors: Gradient of ``outputs``; a new one of the shape of ``inputs`` is written to
                ``input_errors``.
        """
        assert self._gradients is not None
        for error in self._errors:
            error.zero_()
        self._errors[self._states[0]].copy_(errors)
        for sums in self._sums.values():
            for total in sums:
                total.zero_()
        self._through_time(inputs)
        for node, weights in self._gradients.items():
            for gradient, total in zip(weights.matrices, self._sums[node], strict=True):
                gradient.copy_(total)
            torch.sum(self._errors[node], dim=(0, 2), out=weights.bias)

    def input_errors(self, out: Tensor) -> None:
        """Write the gradient of the inputs, after ``backward``."""
        out.zero_()
        for node, weights in self._weights.items():
            for vertex, matrix in zip(self._nodes[node][1], weights.matrices, strict=True):
                if vertex == X:
                    for into, error in zip(out.unbind(0), self._errors_now[node], strict=True):
                        into.baddbmm_(error, matrix)

    def _vertices(self, step: int, entering: Tensor) -> list[Tensor]:
        """Return the values of all vertices at one step; those of absent old states mean nothing."""
        old = [self._now[node][step - 1] for node in self._states] if step else self._start
        return [entering, *old, *[entering] * (FIRST_NODE - 1 - len(old)), *[now[step] for now in self._now]]

    def _through_time(self, inputs: Tensor) -> None:
        """Complete the errors of all nodes, from the last step to the first."""
        assert self._gradients is not None
        vertices = [inputs, *self._old, *[inputs] * (FIRST_NODE - 1 - len(self._old)), *self._values]
        factors = [
            [None if factor is None else factor.unbind(0) for factor in
             _local([vertices[vertex] for vertex in read], operation, value, room)]
            for (operation, read), value, room in zip(self._nodes, self._values, self._factors, strict=True)
        ]  # fmt: skip
        slices = [vertex.unbind(0) for vertex in vertices]
        for step in range(len(inputs) - 1, -1, -1):
            for node in range(len(self._nodes) - 1, -1, -1):
                operation, read = self._nodes[node]
                error = self._errors_now[node][step]
                if operation == "linear":
                    self._linear(node, step, error, [slices[vertex][step] for vertex in read])
                    continue
                for vertex, factor in zip(read, factors[node], strict=True):
                    target = self._target(vertex, step)
                    if target is None:
                        continue
                    if factor is None:
                        target.add_(error)
                    else:
                        target.addcmul_(error, factor[step])

    def _linear(self, node: int, step: int, error: Tensor, values: Sequence[Tensor]) -> None:
        matrices = zip(self._weights[node].matrices, self._sums[node], strict=True)
        turned = error.transpose(1, 2)
        for vertex, value, (matrix, gradient) in zip(self._nodes[node][1], values, matrices, strict=True):
            gradient.baddbmm_(turned, value)
            target = self._target(vertex, step)
            if target is not None:
                target.baddbmm_(error, matrix)

    def _target(self, vertex: int, step: int) -> Tensor | None:
        """Return where the error of a vertex is summed up; None for inputs and the first old states."""
        if vertex >= FIRST_NODE:
            return self._errors_now[vertex - FIRST_NODE][step]
        if vertex == X or not step:
            return None
        return self._errors_now[self._states[vertex - 1]][step - 1]


def _leaky_relu(values: list[Tensor], out: Tensor) -> None:
    torch.ops.aten.leaky_relu.out(values[0], SLOPE, out=out)


def _blend(values: list[Tensor], out: Tensor) -> None:
    gate, on, off = values
    torch.lerp(off, on, gate, out=out)


_APPLY: dict[str, Callable[[list[Tensor], Tensor], object]] = {
    "activation_tanh": lambda values, out: torch.tanh(values[0], out=out),
    "activation_sigm": lambda values, out: torch.sigmoid(values[0], out=out),
    "activation_leaky_relu": _leaky_relu,
    "elementwise_prod": lambda values, out: torch.mul(values[0], values[1], out=out),
    "elementwise_sum": lambda values, out: torch.add(values[0], values[1], out=out),
    "blend": _blend,
}

_OWN_FACTORS = {"activation_tanh": 1, "activation_sigm": 1, "activation_leaky_relu": 1, "blend": 2}
"""Arrays that the derivatives of an operation need."""


def _local(values: list[Tensor], operation: str, result: Tensor, room: list[Tensor]) -> list[Tensor | None]:
    """Return the derivative by each input, at all steps; None stands for one.

    Args:
        values: The inputs.
        operation: What was done to them.
        result: What came out.
        room: Arrays to write to.
    """
    match operation:
        case "activation_tanh":
            torch.mul(result, result, out=room[0])
            return [torch.sub(1.0, room[0], out=room[0])]
        case "activation_sigm":
            torch.mul(result, result, out=room[0])
            return [torch.sub(result, room[0], out=room[0])]
        case "activation_leaky_relu":
            torch.gt(result, 0, out=room[0])
            return [room[0].mul_(1.0 - SLOPE).add_(SLOPE)]
        case "elementwise_prod":
            return [values[1], values[0]]
        case "blend":
            gate, on, off = values
            torch.sub(on, off, out=room[0])
            torch.mul(gate, -1.0, out=room[1])
            return [room[0], gate, room[1].add_(1.0)]
    return [None] * len(values)

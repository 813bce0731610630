"""The language model of NAS-Bench-NLP in PyTorch.

Klyuchnikov et al., 2020 (arXiv 2006.07116), section 4: the model of Merity, Keskar and Socher,
"Regularizing and Optimizing LSTM Language Models", ICLR 2018, with the cell in place of the LSTM;
here without its dropout.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tasks.spaces.nasbench_nlp_cost import ModelSize
from tasks.spaces.nasbench_nlp_form import ABSENT, FIRST_NODE, LINEAR, OPERATIONS, Cells, X

SLOPE = 0.01
"""Of the leaky rectifier for negative values."""

OPERATORS: dict[str, Callable[..., Tensor]] = {
    "blend": lambda gate, on, off: torch.lerp(off, on, gate),
    "elementwise_prod": torch.mul,
    "elementwise_sum": torch.add,
    "activation_tanh": torch.tanh,
    "activation_sigm": torch.sigmoid,
    "activation_leaky_relu": lambda value: nn.functional.leaky_relu(value, SLOPE),
}
"""What nodes without weights compute."""


class RecurrentLayer(nn.Module):
    """One cell, applied to one token after the other.

    Attributes:
        nodes: Operation and vertices that are read, per node; vertices as in ``nasbench_nlp_form``.
        states: Vertices of the new hidden states; the first one leaves the layer.
        linear: By node, the linear ones: a matrix per vertex that is read, and a bias.
    """

    def __init__(self, cell: Cells, wide: int, state: int) -> None:
        super().__init__()
        self.nodes = [
            (OPERATIONS[operation], [vertex for vertex in read if vertex != ABSENT])
            for operation, read in zip(cell.operations[0].tolist(), cell.inputs[0].tolist(), strict=True)
            if operation != ABSENT
        ]
        self.states: list[int] = [vertex for vertex in cell.states[0].tolist() if vertex != ABSENT]
        self.width = state
        self.linear = nn.ModuleDict(
            {
                str(node): _MultiLinear([wide if vertex == X else state for vertex in read], state)
                for node, (operation, read) in enumerate(self.nodes)
                if operation == OPERATIONS[LINEAR]
            }
        )

    def forward(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs, shape (steps, batch, width), and the last hidden states.

        Args:
            inputs: Shape (steps, batch, width of the layer below).
            states: Hidden states before the first token, each (batch, width).
        """
        outputs = []
        for token in inputs:
            values = {X: token} | dict(enumerate(states, start=1))
            for node, (operation, read) in enumerate(self.nodes):
                operator = OPERATORS.get(operation) or self.linear[str(node)]
                values[FIRST_NODE + node] = operator(*(values[vertex] for vertex in read))
            states = [values[vertex] for vertex in self.states]
            outputs.append(states[0])
        return torch.stack(outputs), states


class LanguageModel(nn.Module):
    """Embedding, recurrent layers, and a linear output layer that may share the embedding's matrix."""

    def __init__(self, cell: Cells, vocabulary: int, size: ModelSize) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, size.embedding)
        self.layers = nn.ModuleList(RecurrentLayer(cell, wide, state) for wide, state in size.widths)
        self.decoder = nn.Linear(size.widths[-1][1], vocabulary)
        if size.tied:
            self.decoder.weight = self.embedding.weight
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(
        self, tokens: Tensor, states: list[list[Tensor]] | None = None
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Return logits, shape (steps, batch, vocabulary), and the hidden states by layer.

        Args:
            tokens: Integers, shape (steps, batch).
            states: Hidden states before the first token; None for zeros.
        """
        values = self.embedding(tokens)
        after = []
        for number, layer in enumerate(self.layers):
            start = states[number] if states is not None else self._zeros(layer, values)
            values, last = layer(values, start)
            after.append(last)
        return self.decoder(values), after

    @staticmethod
    def _zeros(layer: nn.Module, values: Tensor) -> list[Tensor]:
        assert isinstance(layer, RecurrentLayer)
        return [values.new_zeros(values.shape[1], layer.width) for _ in layer.states]


class _MultiLinear(nn.Module):
    """Sum of a matrix product per input, and one bias."""

    def __init__(self, wide: list[int], state: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.empty(state, width)) for width in wide)
        self.bias = nn.Parameter(torch.empty(state))
        bound = 1.0 / math.sqrt(state)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, *inputs: Tensor) -> Tensor:
        total = nn.functional.linear(inputs[0], self.weights[0], self.bias)
        for value, weight in zip(inputs[1:], list(self.weights)[1:], strict=True):
            total = total + nn.functional.linear(value, weight)
        return total

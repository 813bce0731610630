"""Forward and backward pass of stacked feed-forward networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from predictors.model_based.neural.stack import Stack

if TYPE_CHECKING:
    import torch

Activation = Literal["relu", "tanh"]


class MlpPass:
    """Forward and backward for one batch size, in buffers made once.

    Args:
        stack: With the blocks of ``mlp_network.initial_xavier``; others are not touched.
        batch: Rows.
        activation: Of the hidden units.
    """

    def __init__(self, stack: Stack, batch: int, activation: Activation) -> None:
        import torch

        values, gradients = stack.values, stack.gradients
        hidden, models, width = values["hidden[]"].shape[0], stack.models, values["output"].shape[1]
        self.values, self.gradients, self.batch = values, gradients, batch
        self.activation = activation
        # Layer by layer: outputs, their derivatives, and the loss's derivatives by what is activated.
        self.out = torch.zeros(
            hidden + 1, models, batch, width, dtype=stack.flat.dtype, device=stack.flat.device
        )
        self.slope = torch.zeros_like(self.out)
        self.delta = torch.zeros_like(self.out)
        self.outs, self.slopes, self.deltas = list(self.out), list(self.slope), list(self.delta)
        self.layers = list(zip(values["hidden[]"], values["hidden_bias[]"], strict=True))
        self.transposed = [weight.transpose(1, 2) for weight in values["hidden[]"]]
        # All hidden layers of all models in one product, as they have one shape.
        self.inputs_flat = self.out[:-1].reshape(-1, batch, width).transpose(1, 2)
        self.deltas_flat = self.delta[1:].reshape(-1, batch, width)
        self.hidden_gradient = gradients["hidden[]"].view(-1, width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (M, B), for x of shape (M, B, features)."""
        import torch

        values, outs = self.values, self.outs
        activate = torch.Tensor.tanh_ if self.activation == "tanh" else torch.Tensor.relu_
        activate(torch.baddbmm(values["first_bias"], x, values["first"], out=outs[0]))
        for layer, (weight, bias) in enumerate(self.layers):
            activate(torch.baddbmm(bias, outs[layer], weight, out=outs[layer + 1]))
        output: torch.Tensor = (outs[-1] * values["output"].unsqueeze(1)).sum(2)
        return output.add_(values["output_bias"])

    def backward(self, x: torch.Tensor, error: torch.Tensor) -> None:
        """Leave the gradient of the loss in the stack, after ``forward``.

        Args:
            x: As in ``forward``.
            error: Derivatives of the loss by the outputs, shape (M, B).
        """
        import torch

        gradients, outs, deltas = self.gradients, self.outs, self.deltas
        if self.activation == "tanh":
            torch.mul(self.out, self.out, out=self.slope).neg_().add_(1.0)
        else:
            # The sign of what is rectified: one where it was positive.
            torch.sign(self.out, out=self.slope)
        wide = error.unsqueeze(2)
        torch.mul(wide, self.values["output"].unsqueeze(1), out=deltas[-1]).mul_(self.slopes[-1])
        for layer in range(len(self.layers), 0, -1):
            torch.bmm(deltas[layer], self.transposed[layer - 1], out=deltas[layer - 1])
            deltas[layer - 1].mul_(self.slopes[layer - 1])

        torch.sum(error, 1, keepdim=True, out=gradients["output_bias"])
        torch.sum(outs[-1] * wide, 1, out=gradients["output"])
        torch.bmm(x.transpose(1, 2), deltas[0], out=gradients["first"])
        torch.sum(deltas[0], 1, keepdim=True, out=gradients["first_bias"])
        if self.layers:
            torch.bmm(self.inputs_flat, self.deltas_flat, out=self.hidden_gradient)
            torch.sum(self.delta[1:], 2, keepdim=True, out=gradients["hidden_bias[]"])

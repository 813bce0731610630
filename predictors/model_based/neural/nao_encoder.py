"""From token sequences to one vector per architecture: forward and backward pass of stacked encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from predictors.model_based.neural.lstm import LstmPass
from predictors.model_based.neural.prefix_lstm import PrefixLstm, shared_steps
from predictors.model_based.neural.stack import Stack
from predictors.model_based.neural.token_input import TokenInput
from predictors.model_based.neural.token_pairs import TokenPairs

if TYPE_CHECKING:
    import torch


class NaoEncoder:
    """Embedding, LSTM in both directions, residual; normalised steps and their normalised mean.

    Args:
        stack: With the blocks of ``nao_network.initial_nao``.
        pairs: Pairs of position and token in the sequences.
        batch: Sequences per model.
        kept: Share that dropout keeps.

    Attributes:
        outputs: Per step, norm 1, (M, batch x length, hidden).
        vector: Per sequence, norm 1, (M, batch, hidden).
        mask: Dropout mask to be drawn before ``forward``, (M, elements).
    """

    outputs: torch.Tensor
    vector: torch.Tensor

    def __init__(self, stack: Stack, pairs: TokenPairs, batch: int, kept: float) -> None:
        values, gradients = stack.values, stack.gradients
        weights, gradient = (part["encoder_recurrent[]"].flatten(0, 1) for part in (values, gradients))
        shared = shared_steps(pairs, batch)
        self._recurrent = (
            PrefixLstm(weights, gradient, batch, pairs, shared)
            if shared
            else LstmPass(weights, gradient, batch, pairs.length, from_zero=True)
        )
        self._input = TokenInput(stack, "encoder", pairs, self._recurrent, batch, kept)
        self.mask = self._input.mask
        self._merge, self._merge_gradient = values["merge[]"], gradients["merge[]"]
        self._bias, self._bias_gradient = values["merge_bias"], gradients["merge_bias"]
        self._shape = (stack.models, batch, pairs.length, values["output"].shape[1])

    def forward(self, chosen: torch.Tensor) -> None:
        """Fill ``outputs`` and ``vector``.

        Args:
            chosen: Rows of the stacked sequences, (M batch).
        """
        import torch

        models, hidden = self._shape[0], self._shape[3]
        index, rows = self._input.forward(chosen)
        self._recurrent.forward(self._input.table.view(-1, 4 * hidden), index)
        # Per direction (M, batch, length, hidden), in order of position.
        states = self._recurrent.by_sequence().view(2, *self._shape)
        self._states = [
            states[0].reshape(models, -1, hidden),
            states[1].flip(2).reshape(models, -1, hidden),
        ]
        merged = torch.baddbmm(self._bias, self._states[0], self._merge[0])
        merged.baddbmm_(self._states[1], self._merge[1])
        embedded = torch.index_select(self._input.embedded.view(-1, hidden), 0, rows)
        merged.add_(embedded.view(merged.shape))
        self._inverse = (merged * merged).sum(2, keepdim=True).rsqrt_()
        self.outputs = merged.mul_(self._inverse)
        mean = self.outputs.view(self._shape).mean(2)
        self._inverse_mean = (mean * mean).sum(2, keepdim=True).rsqrt_()
        self.vector = mean.mul_(self._inverse_mean)

    def backward(self, by_outputs: torch.Tensor, by_vector: torch.Tensor) -> None:
        """Leave the gradients in the stack.

        Args:
            by_outputs: Derivatives by ``outputs`` apart from the way through ``vector``; changed.
            by_vector: Derivatives by ``vector``.
        """
        import torch

        models, batch, length, hidden = self._shape
        along = (by_vector * self.vector).sum(2, keepdim=True)
        by_mean = (by_vector - along * self.vector).mul_(self._inverse_mean)
        by_outputs.view(self._shape).add_(by_mean.unsqueeze(2), alpha=1.0 / length)
        along = (by_outputs * self.outputs).sum(2, keepdim=True)
        by_merged = by_outputs.addcmul_(along, self.outputs, value=-1.0).mul_(self._inverse)
        torch.sum(by_merged, 1, keepdim=True, out=self._bias_gradient)
        errors = by_merged.new_empty(length, 2, models, batch, hidden)
        for direction in range(2):
            torch.bmm(self._states[direction].transpose(1, 2), by_merged, out=self._merge_gradient[direction])
            by_states = torch.bmm(by_merged, self._merge[direction].transpose(1, 2)).view(self._shape)
            ordered = by_states.flip(2) if direction else by_states
            errors[:, direction].copy_(ordered.permute(2, 0, 1, 3))
        self._recurrent.backward(errors.flatten(1, 2))
        self._input.backward(by_merged.view(self._shape))

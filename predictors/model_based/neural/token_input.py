"""Embedded tokens as the input of stacked LSTMs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from predictors.model_based.neural.lstm import LstmPass
from predictors.model_based.neural.prefix_lstm import PrefixLstm
from predictors.model_based.neural.stack import Stack
from predictors.model_based.neural.token_pairs import TokenPairs

if TYPE_CHECKING:
    import torch


class TokenInput:
    """From an embedding to what each gate adds up, for one or two directions.

    Dropout acts on the embedded token per position and channel, with one mask for all sequences of a
    batch.

    Args:
        stack: With the blocks ``<prefix>_embedding``, ``<prefix>_input[]`` and ``<prefix>_bias[]``.
        prefix: Of the names of the blocks.
        pairs: Pairs of position and token.
        lstm: Whose gates they are for.
        batch: Sequences per model.
        kept: Share that dropout keeps.
    """

    def __init__(
        self,
        stack: Stack,
        prefix: str,
        pairs: TokenPairs,
        lstm: LstmPass | PrefixLstm,
        batch: int,
        kept: float,
    ) -> None:
        import torch

        values, gradients = stack.values, stack.gradients
        self.embedding, self.embedding_gradient = (
            part[f"{prefix}_embedding"] for part in (values, gradients)
        )
        self.weight, self.weight_gradient = (part[f"{prefix}_input[]"] for part in (values, gradients))
        self.bias, self.bias_gradient = (part[f"{prefix}_bias[]"] for part in (values, gradients))
        self.pairs, self.lstm, self.batch, self.kept = pairs, lstm, batch, kept
        self.directions, self.models, self.hidden = self.weight.shape[:3]
        width = self.weight.shape[3]
        zeros = stack.flat.new_zeros
        self.mask = zeros(self.models, pairs.length * self.hidden)
        self.embedded = zeros(self.models, pairs.count, self.hidden)
        self.table = zeros(self.directions, self.models, pairs.count, width)
        self.one_hot = zeros(self.models, pairs.length, pairs.vocabulary, batch)
        self.of_token = pairs.of_token.to(stack.flat)
        device = stack.flat.device
        self.classes = torch.arange(pairs.vocabulary, device=device)[:, None]
        # Where the pairs of a direction are among (direction, model, step, token).
        network = torch.arange(self.models, device=device)[:, None]
        steps = [pairs.position, pairs.length - 1 - pairs.position]
        places = [
            ((d * self.models + network) * pairs.length + steps[d]) * pairs.vocabulary + pairs.token
            for d in range(self.directions)
        ]
        self.places, self.plain_places = torch.stack(places).flatten(), places[0].flatten()

    def forward(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the table for this batch; the mask has been drawn.

        Args:
            chosen: Rows of the stacked sequences, (M B).

        Returns:
            Index into the flattened table per step and (direction, model, sequence), and rows of
            ``embedded`` per (model, sequence, position), flat.
        """
        import torch

        pairs, hidden = self.pairs, self.hidden
        mask = self.mask.view(self.models, pairs.length, hidden).mul_(1.0 / self.kept)
        self.pair_mask = mask[:, pairs.position]
        torch.mul(self.embedding[:, pairs.token], self.pair_mask, out=self.embedded)
        for d in range(self.directions):
            # Two biases, as other libraries have them: together they learn twice as fast as one.
            bias = self.bias[d].sum(1, keepdim=True)
            torch.baddbmm(bias, self.embedded, self.weight[d], out=self.table[d])
        self.table.mul_(self.lstm.forward_scale)
        rows = pairs.rows[chosen]
        steps = rows.t()
        if self.directions == 2:
            steps = torch.cat([steps, steps.flip(0) + self.models * pairs.count], dim=1)
        tokens = pairs.tokens[chosen].view(self.models, self.batch, pairs.length)
        torch.eq(tokens.transpose(1, 2).unsqueeze(2), self.classes, out=self.one_hot)
        return steps.contiguous(), rows.flatten()

    def backward(self, errors: torch.Tensor | None) -> None:
        """Leave the gradients in the stack, after the LSTM's backward pass.

        Args:
            errors: Further derivatives by the embedded tokens, (M, B, length, hidden).
        """
        import torch

        pairs, hidden, width = self.pairs, self.hidden, self.weight.shape[3]
        one_hot = self.one_hot
        if self.directions == 2:
            one_hot = torch.cat([one_hot, one_hot.flip(1)])
        summed = self.lstm.by_token(one_hot)
        by_table = torch.index_select(summed.view(-1, width), 0, self.places)
        by_table = by_table.view(self.directions, self.models, pairs.count, width)
        by_table.mul_(self.lstm.backward_scale)
        self.bias_gradient.copy_(by_table.sum(2, keepdim=True).expand_as(self.bias_gradient))
        by_pair = torch.zeros_like(self.embedded)
        for d in range(self.directions):
            torch.bmm(self.embedded.transpose(1, 2), by_table[d], out=self.weight_gradient[d])
            by_pair.baddbmm_(by_table[d], self.weight[d].transpose(1, 2))
        if errors is not None:
            in_steps = errors.transpose(1, 2).reshape(-1, self.batch, hidden)
            plain = torch.bmm(self.one_hot.view(-1, pairs.vocabulary, self.batch), in_steps)
            by_pair.add_(torch.index_select(plain.view(-1, hidden), 0, self.plain_places).view_as(by_pair))
        torch.bmm(self.of_token, by_pair.mul_(self.pair_mask), out=self.embedding_gradient)

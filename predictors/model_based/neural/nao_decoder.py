"""From an architecture's vector back to its tokens: forward and backward pass of stacked decoders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from predictors.model_based.neural.lstm import LstmPass
from predictors.model_based.neural.stack import Stack
from predictors.model_based.neural.token_input import TokenInput
from predictors.model_based.neural.token_pairs import TokenPairs

if TYPE_CHECKING:
    import torch

_ALIGNED = 16


class NaoDecoder:
    """An LSTM that starts from the vector, reads the true tokens one step later, and looks back.

    What it reads is known beforehand, so attention and words are computed for all steps at once.

    Args:
        stack: With the blocks of ``nao_network.initial_nao``.
        pairs: Pairs of position and token in the sequences.
        shifted: The same for what the decoder reads.
        batch: Sequences per model.
        kept: Share that dropout keeps.

    Attributes:
        mask: Dropout mask to be drawn before ``forward``, (M, elements).
    """

    def __init__(self, stack: Stack, pairs: TokenPairs, shifted: TokenPairs, batch: int, kept: float) -> None:
        values, gradients = stack.values, stack.gradients
        self._pairs, self._values, self._gradients = pairs, values, gradients
        self._recurrent = LstmPass(
            values["decoder_recurrent[]"].flatten(0, 1),
            gradients["decoder_recurrent[]"].flatten(0, 1),
            batch,
            pairs.length,
            from_zero=False,
        )
        self._input = TokenInput(stack, "decoder", shifted, self._recurrent, batch, kept)
        self.mask = self._input.mask
        hidden = values["output"].shape[1]
        self._shape = (stack.models, batch, pairs.length, hidden)
        # Products with few columns round otherwise where a model's part is not aligned in memory.
        columns = -(-pairs.vocabulary // _ALIGNED) * _ALIGNED
        self._words = stack.flat.new_zeros(2, stack.models, hidden, columns)
        self._words_bias = stack.flat.new_full((stack.models, 1, columns), -math.inf)

    def forward(self, chosen: torch.Tensor, vector: torch.Tensor, outputs: torch.Tensor) -> None:
        """Compute the probability of each token at each step.

        Args:
            chosen: Rows of the stacked sequences, (M batch).
            vector: Of the encoder, (M, batch, hidden).
            outputs: Of the encoder, (M, batch x length, hidden).
        """
        import torch

        models, batch, length, hidden = self._shape
        index, _ = self._input.forward(chosen)
        self._recurrent.states[:, 0].copy_(vector)
        self._recurrent.cells[0].copy_(vector)
        self._recurrent.forward(self._input.table.view(-1, 4 * hidden), index)
        asked = self._recurrent.states[:, 1:].transpose(1, 2).contiguous()
        self._asked = asked.view(models * batch, length, hidden)
        self._outputs = outputs.view(models * batch, length, hidden)
        self._attention = torch.softmax(torch.bmm(self._asked, self._outputs.transpose(1, 2)), 2)
        self._context = torch.bmm(self._attention, self._outputs)
        rows, vocabulary = (models, batch * length, hidden), self._pairs.vocabulary
        self._words[..., :vocabulary].copy_(self._values["words[]"])
        self._words_bias[..., :vocabulary].copy_(self._values["words_bias"])
        words = torch.baddbmm(self._words_bias, self._asked.view(rows), self._words[0])
        words.baddbmm_(self._context.view(rows), self._words[1])
        self._probability = torch.softmax(words, 2)

    def backward(self, chosen: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Leave the gradients in the stack; return derivatives by the encoder's outputs and vectors.

        Args:
            chosen: As in ``forward``.
            weight: Of the negative log likelihood of each token of a sequence, (M batch, 1, 1).
        """
        import torch

        gradients = self._gradients
        models, batch, length, hidden = self._shape
        rows, sequences = (models, batch * length, hidden), (models * batch, length, hidden)
        by_words = self._probability.view(models * batch, length, -1)
        tokens = self._pairs.tokens[chosen].unsqueeze(2)
        by_words.scatter_add_(2, tokens, by_words.new_full(tokens.shape, -1.0))
        by_words = by_words.mul_(weight).view(models, batch * length, -1)
        vocabulary = self._pairs.vocabulary
        gradients["words_bias"].copy_(by_words.sum(1, keepdim=True)[..., :vocabulary])
        for half, inputs in enumerate((self._asked, self._context)):
            product = torch.bmm(inputs.view(rows).transpose(1, 2), by_words)
            gradients["words[]"][half].copy_(product[..., :vocabulary])
        by_asked, by_context = (
            torch.bmm(by_words, part.transpose(1, 2)).view(sequences) for part in self._words
        )
        by_attention = torch.bmm(by_context, self._outputs.transpose(1, 2)).mul_(self._attention)
        level = by_attention.sum(2, keepdim=True)
        by_score = by_attention.addcmul_(self._attention, level, value=-1.0)
        by_outputs = torch.bmm(self._attention.transpose(1, 2), by_context)
        by_outputs.baddbmm_(by_score.transpose(1, 2), self._asked)
        by_asked.baddbmm_(by_score, self._outputs)
        errors = by_asked.view(self._shape).permute(2, 0, 1, 3).contiguous()
        by_state, by_cell = self._recurrent.backward(errors)
        self._input.backward(None)
        return by_outputs.view(rows), by_state + by_cell

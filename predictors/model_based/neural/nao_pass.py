"""Forward and backward pass of stacked encoders, predictors and decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from predictors.model_based.neural.nao_decoder import NaoDecoder
from predictors.model_based.neural.nao_encoder import NaoEncoder
from predictors.model_based.neural.nao_head import NaoHead
from predictors.model_based.neural.stack import Stack
from predictors.model_based.neural.token_pairs import TokenPairs

if TYPE_CHECKING:
    import torch


class NaoPass:
    """One batch size, in buffers made once.

    Args:
        stack: With the blocks of ``nao_network.initial_nao``.
        pairs: Pairs of position and token in the sequences.
        shifted: The same for the decoder, which reads the sequence one step later.
        batch: Sequences per model.
        kept: Share that dropout keeps.

    Attributes:
        masks: Dropout masks to be drawn before ``run``, each (M, elements).
    """

    def __init__(self, stack: Stack, pairs: TokenPairs, shifted: TokenPairs, batch: int, kept: float) -> None:
        self._encoder = NaoEncoder(stack, pairs, batch, kept)
        self._head = NaoHead(stack, batch, kept)
        self._decoder = NaoDecoder(stack, pairs, shifted, batch, kept)
        self._length = pairs.length
        self.masks = [self._encoder.mask, self._decoder.mask, *self._head.masks]

    def run(self, chosen: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, trade_off: float) -> None:
        """Leave the gradient of the loss in the stack.

        The loss is the weighted sum, over sequences, of trade_off x squared error + (1 - trade_off) x
        mean negative log likelihood of the tokens.

        Args:
            chosen: Rows of the stacked sequences, (M batch).
            y: Targets, (M, batch).
            weight: Weights of the sequences, (M, batch).
            trade_off: In [0, 1].
        """
        encoder = self._encoder
        encoder.forward(chosen)
        error = self._head.forward(encoder.vector).sub_(y)
        self._decoder.forward(chosen, encoder.vector, encoder.outputs)
        of_token = weight.reshape(-1, 1, 1) * ((1.0 - trade_off) / self._length)
        by_outputs, by_vector = self._decoder.backward(chosen, of_token)
        by_vector += self._head.backward(error.mul_(weight).mul_(2.0 * trade_off))
        encoder.backward(by_outputs, by_vector)

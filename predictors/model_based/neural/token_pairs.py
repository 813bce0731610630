"""Which tokens sequences may have where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Tokens = NDArray[np.int64]


class TokenPairs:
    """The pairs of position and token that sequences may have.

    Most positions of a cell's sequence have few possible tokens, or one. What an LSTM makes of a token
    at a position is computed once per pair, not once per sequence.

    Args:
        tokens: Shape (M, n, length).
        possible: Pairs, bool of shape (length, vocabulary).
        device: Where the sequences are needed.

    Attributes:
        position: Of each pair.
        token: Of each pair.
        host: Both, as arrays.
    """

    def __init__(
        self, tokens: Tokens, possible: NDArray[np.bool_], *, device: torch.device | None = None
    ) -> None:
        import torch

        models = len(tokens)
        position, token = np.nonzero(possible)
        number = np.zeros(possible.shape, dtype=np.int64)
        number[position, token] = np.arange(len(position))
        self.count, (self.length, self.vocabulary) = len(position), possible.shape
        self.host = (position, token)
        self.position, self.token = (torch.from_numpy(part).to(device) for part in (position, token))
        shifted = number[np.arange(self.length), tokens] + self.count * np.arange(models)[:, None, None]
        # Rows of M x count stacked pairs, and tokens, for M x n stacked sequences.
        self.rows = torch.from_numpy(shifted.reshape(-1, self.length)).to(device)
        self.tokens = torch.from_numpy(tokens.reshape(-1, self.length)).to(device)
        one_hot = token == np.arange(self.vocabulary)[:, None]
        self.of_token = torch.from_numpy(one_hot).to(device).expand(models, -1, -1)

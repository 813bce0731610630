"""Stacked LSTMs over sequences of which many begin alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from predictors.model_based.neural.lstm import LstmPass
from predictors.model_based.neural.token_pairs import TokenPairs

if TYPE_CHECKING:
    import torch


def shared_steps(pairs: TokenPairs, batch: int) -> int:
    """Return for how many first steps, in both directions, the possible beginnings are few.

    Args:
        pairs: Pairs of position and token in the sequences.
        batch: Sequences.

    Returns:
        Most steps, but not all, that have half as many beginnings as there are sequences, or fewer.
    """
    choices = np.bincount(pairs.host[0]).astype(np.float64)
    beginnings = np.maximum(choices.cumprod(), choices[::-1].cumprod())
    return int(np.count_nonzero(beginnings[:-1] <= batch / 2))


class PrefixLstm:
    """An ``LstmPass`` from zero, in both directions, that makes the state of each beginning once.

    It needs inputs that depend on step and token only, so that sequences that begin alike have equal
    states up to there. All beginnings that may be are made, whichever are in a batch: no shape
    depends on the data.

    Args:
        weights: Recurrent weights, (2 M, hidden, 4 hidden): M networks forward and M backward.
        gradient: Where their gradient goes, of the same shape.
        batch: Sequences per network.
        pairs: Pairs of position and token; the rows of the table that ``forward`` reads, per network.
        shared: Steps of which beginnings are made, > 0; see ``shared_steps``.

    Attributes:
        forward_scale: As in ``LstmPass``.
        backward_scale: As in ``LstmPass``.
    """

    def __init__(
        self, weights: torch.Tensor, gradient: torch.Tensor, batch: int, pairs: TokenPairs, shared: int
    ) -> None:
        import torch

        networks, device = weights.shape[0], weights.device
        position, token = pairs.host
        steps = np.arange(shared)
        order = np.stack([steps, pairs.length - 1 - steps])  # position of each step, (2, shared)
        choices = np.bincount(position)[order]
        first = np.searchsorted(position, order)
        count = int(choices.prod(axis=1).max())
        # The tokens of a beginning are the digits of its number, the last one changing fastest. A
        # direction with fewer beginnings has some twice; no sequence refers to the second ones.
        value = choices[:, ::-1].cumprod(axis=1)[:, ::-1] // choices
        digits = np.arange(count) // value[:, :, None] % choices[:, :, None]
        row = first[:, :, None] + digits  # (2, shared, count)
        network = np.arange(networks)
        direction = network // (networks // 2)
        rows = row[direction] + pairs.count * network[:, None, None]

        self._batch, self._shared, self._gradient = batch, shared, gradient
        self._begin = LstmPass(weights, torch.zeros_like(gradient), count, shared, from_zero=True)
        self._main = LstmPass(weights, gradient, batch, pairs.length - shared, from_zero=False)
        self.forward_scale, self.backward_scale = self._main.forward_scale, self._main.backward_scale
        self._index = torch.from_numpy(rows.swapaxes(0, 1).reshape(shared, -1)).to(device)
        self._value = torch.from_numpy(value[direction].T[:, :, None]).to(device)
        base = first[direction] + pairs.count * network[:, None]
        self._base = torch.from_numpy((base * value[direction]).sum(axis=1, keepdims=True)).to(device)
        self._numbers = torch.arange(count, device=device)[:, None]
        self._network = torch.from_numpy(count * network[:, None]).to(device)
        one_hot = token[row][direction][:, :, None] == np.arange(pairs.vocabulary)[:, None]
        self._tokens = torch.from_numpy(one_hot).to(weights).flatten(0, 1)
        self._of_number = weights.new_zeros(networks, count, batch)

    def forward(self, table: torch.Tensor, index: torch.Tensor) -> None:
        """As ``LstmPass.forward``."""
        import torch

        begin, main, shared = self._begin, self._main, self._shared
        begin.forward(table, self._index)
        rows = index[:shared].view(shared, -1, self._batch)
        number = (rows * self._value).sum(0).sub_(self._base)
        torch.eq(number.unsqueeze(1), self._numbers, out=self._of_number)
        self._row = (number + self._network).flatten()
        for start, ends in ((main.states[:, 0], begin.states[:, -1]), (main.cells[0], begin.cells[-1])):
            start.copy_(torch.index_select(ends.flatten(0, 1), 0, self._row).view(start.shape))
        main.forward(table, index[shared:])

    def by_sequence(self) -> torch.Tensor:
        """As ``LstmPass.by_sequence``."""
        import torch

        begin, main = self._begin.by_sequence().flatten(0, 1), self._main.by_sequence()
        chosen = torch.index_select(begin.flatten(1), 0, self._row)
        return torch.cat([chosen.view(*main.shape[:2], *begin.shape[1:]), main], dim=2)

    def backward(self, errors: torch.Tensor) -> None:
        """As ``LstmPass.backward``."""
        import torch

        shared = self._shared
        by_state, by_cell = self._main.backward(errors[shared:])
        by_state.add_(errors[shared - 1])
        each = torch.stack([*errors[: shared - 1], by_state, by_cell])
        summed = torch.matmul(self._of_number, each)
        self._begin.backward(summed[:-1], summed[-1])
        self._gradient.add_(self._begin.gradient)

    def by_token(self, one_hot: torch.Tensor) -> torch.Tensor:
        """As ``LstmPass.by_token``."""
        import torch

        main = self._main.by_token(one_hot[:, self._shared :])
        begin = self._begin.by_token(self._tokens.view(len(main), self._shared, *self._tokens.shape[1:]))
        return torch.cat([begin, main], dim=1)

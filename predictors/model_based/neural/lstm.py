"""Stacked LSTMs, forward and backward through time.

Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 1997, with the forget gate of
Gers et al., "Learning to Forget", Neural Computation 2000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class LstmPass:
    """S networks over sequences of one length, in buffers made once.

    Gates are in the order input, forget, output, candidate. tanh(x) is computed as
    2 sigmoid(2 x) - 1: all four gates are then one call. The factors 2 of the candidate are in the
    weights: what is given to ``forward`` has to be multiplied by ``forward_scale``, and what is got
    from ``delta`` by ``backward_scale``.

    Args:
        weights: Recurrent weights, (S, hidden, 4 hidden).
        gradient: Where their gradient goes, of the same shape.
        batch: Sequences per network.
        length: Steps.

    Attributes:
        states: Shape (length + 1, S, batch, hidden); [0] at the start, [t + 1] after step t.
        cells: Likewise.
        delta: Derivatives by what the gates add up, / ``backward_scale``, (length, S, batch, 4 hidden).
        forward_scale: Shape (4 hidden,).
        backward_scale: Shape (4 hidden,).
    """

    def __init__(self, weights: torch.Tensor, gradient: torch.Tensor, batch: int, length: int) -> None:
        import torch

        networks, hidden, width = weights.shape
        self.length = length
        self._weights, self._gradient = weights, gradient
        shape = (networks, batch, hidden)
        self.forward_scale, self.backward_scale = (weights.new_ones(width) for _ in range(2))
        self.forward_scale[3 * hidden :] = 2.0
        self.backward_scale[3 * hidden :] = 4.0
        self.cells, self.states = (weights.new_zeros(length + 1, *shape) for _ in range(2))
        gates = weights.new_zeros(length, networks, batch, width)
        candidates, squashed = (weights.new_zeros(length, *shape) for _ in range(2))
        self.delta = torch.zeros_like(gates)
        self._slopes = torch.zeros_like(gates[0])
        self._by_cell, self._work, self._squares, self._back = (weights.new_zeros(shape) for _ in range(4))
        # Views are made once: making them costs as much as a small operation.
        self._steps = [
            (torch.split(gates[t], hidden, dim=2), candidates[t], self.cells[t], squashed[t])
            for t in range(length)
        ]
        self._flat_gates = [gates[t].view(-1, width) for t in range(length)]
        self._gate_steps, self._delta_steps = list(gates), list(self.delta)
        self._delta_parts = [torch.split(step, hidden, dim=2) for step in self.delta]
        self._cell_steps, self._state_steps = list(self.cells), list(self.states)

    def forward(self, table: torch.Tensor, index: torch.Tensor) -> None:
        """Fill ``states[1:]`` and ``cells[1:]`` from ``states[0]`` and ``cells[0]``.

        Args:
            table: What inputs and biases add to the gates, x ``forward_scale``, (rows, 4 hidden).
            index: Row of the table for each step, network and sequence, (length, S batch).
        """
        import torch

        weights = self._weights * self.forward_scale
        for t, rows in enumerate(index):
            (enter, forget, leave, last), candidate, cell, squashed = self._steps[t]
            torch.index_select(table, 0, rows, out=self._flat_gates[t])
            self._gate_steps[t].baddbmm_(self._state_steps[t], weights).sigmoid_()
            torch.mul(last, 2.0, out=candidate).sub_(1.0)
            new_cell = self._cell_steps[t + 1]
            torch.mul(forget, cell, out=new_cell).addcmul_(enter, candidate)
            torch.mul(new_cell, 2.0, out=squashed).sigmoid_().mul_(2.0).sub_(1.0)
            torch.mul(leave, squashed, out=self._state_steps[t + 1])

    def backward(self, errors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Fill ``delta`` and the gradient of the recurrent weights, after ``forward``.

        Args:
            errors: Derivatives of the loss by ``states[1:]`` apart from the way through later steps,
                (length, S, batch, hidden).

        Returns:
            Derivatives by ``states[0]`` and ``cells[0]``, (S, batch, hidden).
        """
        import torch

        transposed = (self._weights * self.backward_scale).transpose(1, 2)
        by_cell, work, squares, back = self._by_cell, self._work, self._squares, self._back
        by_cell.zero_()
        back.zero_()
        for t in range(self.length - 1, -1, -1):
            (enter, forget, leave, _), candidate, cell, squashed = self._steps[t]
            to_enter, to_forget, to_leave, to_candidate = self._delta_parts[t]
            gates, delta = self._gate_steps[t], self._delta_steps[t]
            back.add_(errors[t])
            torch.mul(back, leave, out=work)
            torch.mul(squashed, squashed, out=squares)
            by_cell.add_(work).addcmul_(work, squares, value=-1.0)
            torch.mul(by_cell, candidate, out=to_enter)
            torch.mul(by_cell, cell, out=to_forget)
            torch.mul(back, squashed, out=to_leave)
            torch.mul(by_cell, enter, out=to_candidate)
            # All four are sigmoids, of slope s (1 - s).
            delta.mul_(torch.addcmul(gates, gates, gates, value=-1.0, out=self._slopes))
            torch.bmm(delta, transposed, out=back)
            by_cell.mul_(forget)
        torch.bmm(_by_network(self.states[:-1]).transpose(1, 2), _by_network(self.delta), out=self._gradient)
        self._gradient.mul_(self.backward_scale)
        return back, by_cell


def _by_network(steps: torch.Tensor) -> torch.Tensor:
    """Return (S, length x batch, width) for (length, S, batch, width)."""
    return steps.transpose(0, 1).reshape(steps.shape[1], -1, steps.shape[3])

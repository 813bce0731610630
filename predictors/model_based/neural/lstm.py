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
    2 sigmoid(2 x) - 1, since a sigmoid takes a third of the time of a tanh, and all four gates are then
    one call. The factors 2 of the candidate are in the weights: what is given to ``forward`` has to be
    multiplied by ``forward_scale``, and what is got from ``delta`` by ``backward_scale``.

    Args:
        weights: Recurrent weights, (S, hidden, 4 hidden).
        gradient: Where their gradient goes, of the same shape.
        batch: Sequences per network.
        length: Steps.
        from_zero: Whether states and cells are 0 at the start. Then no product is computed with them,
            and no derivative by them.

    Attributes:
        gradient: As given.
        states: Shape (S, length + 1, batch, hidden); [:, 0] at the start, [:, t + 1] after step t.
        cells: Shape (length + 1, S, batch, hidden), likewise.
        delta: Derivatives by what the gates add up, / ``backward_scale``, (S, length, batch, 4 hidden).
        forward_scale: Shape (4 hidden,).
        backward_scale: Shape (4 hidden,).
    """

    def __init__(
        self, weights: torch.Tensor, gradient: torch.Tensor, batch: int, length: int, *, from_zero: bool
    ) -> None:
        import torch

        networks, hidden, width = weights.shape
        self.length, self._from_zero = length, from_zero
        self._weights, self.gradient = weights, gradient
        shape = (networks, batch, hidden)
        self.forward_scale, self.backward_scale = (weights.new_ones(width) for _ in range(2))
        self.forward_scale[3 * hidden :] = 2.0
        self.backward_scale[3 * hidden :] = 4.0
        self._minus_one = weights.new_tensor(-1.0)
        # Steps behind networks where a product takes all steps together.
        self.states = weights.new_zeros(networks, length + 1, batch, hidden)
        self.delta = weights.new_zeros(networks, length, batch, width)
        self.cells = weights.new_zeros(length + 1, *shape)
        gates = weights.new_zeros(length, networks, batch, width)
        candidates, squashed = (weights.new_zeros(length, *shape) for _ in range(2))
        self._by_cell, self._work, self._back = (weights.new_zeros(shape) for _ in range(3))
        # Views are made once: making them costs as much as a small operation.
        self._steps = [
            (torch.split(gates[t], hidden, dim=2), candidates[t], self.cells[t], squashed[t])
            for t in range(length)
        ]
        self._flat_gates = [gates[t].view(-1, width) for t in range(length)]
        self._gate_steps, self._delta_steps = list(gates), list(self.delta.unbind(1))
        self._delta_parts = [torch.split(step, hidden, dim=2) for step in self._delta_steps]
        self._cell_steps, self._state_steps = list(self.cells), list(self.states.unbind(1))
        first = int(from_zero)
        self._before = self.states[:, first:-1].flatten(1, 2).transpose(1, 2)
        self._after = self.delta[:, first:].flatten(1, 2)

    def forward(self, table: torch.Tensor, index: torch.Tensor) -> None:
        """Fill ``states`` and ``cells`` from those at the start.

        Args:
            table: What inputs and biases add to the gates, x ``forward_scale``, (rows, 4 hidden).
            index: Row of the table for each step, network and sequence, (length, S batch).
        """
        import torch

        weights = self._weights * self.forward_scale
        for t, rows in enumerate(index):
            (enter, forget, leave, last), candidate, cell, squashed = self._steps[t]
            new_cell, gates = self._cell_steps[t + 1], self._gate_steps[t]
            torch.index_select(table, 0, rows, out=self._flat_gates[t])
            if t or not self._from_zero:
                gates.baddbmm_(self._state_steps[t], weights)
            gates.sigmoid_()
            torch.add(self._minus_one, last, alpha=2.0, out=candidate)
            torch.mul(enter, candidate, out=new_cell)
            if t or not self._from_zero:
                new_cell.addcmul_(forget, cell)
            torch.mul(new_cell, 2.0, out=squashed).sigmoid_()
            torch.add(self._minus_one, squashed, alpha=2.0, out=squashed)
            torch.mul(leave, squashed, out=self._state_steps[t + 1])

    def by_sequence(self) -> torch.Tensor:
        """Return the states after each step, (S, batch, length, hidden)."""
        return self.states[:, 1:].transpose(1, 2)

    def by_token(self, one_hot: torch.Tensor) -> torch.Tensor:
        """Return the sums of ``delta`` over the sequences with each token, (S, length, tokens, 4 hidden).

        Args:
            one_hot: Whether a sequence has a token at a step, (S, length, tokens, batch).
        """
        import torch

        summed = torch.bmm(one_hot.flatten(0, 1), self.delta.flatten(0, 1))
        return summed.view(*one_hot.shape[:3], -1)

    def backward(
        self, errors: torch.Tensor, by_end: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Fill ``delta`` and the gradient of the recurrent weights, after ``forward``.

        Args:
            errors: Derivatives of the loss by the states after each step apart from the way through
                later steps, (length, S, batch, hidden).
            by_end: Derivatives by the cells after the last step, (S, batch, hidden); default 0.

        Returns:
            Derivatives by states and cells at the start, (S, batch, hidden); of no meaning if those
            are always 0.
        """
        import torch

        sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input
        tanh_slope = torch.ops.aten.tanh_backward.grad_input
        transposed = (self._weights * self.backward_scale).transpose(1, 2)
        by_cell, work, back = self._by_cell, self._work, self._back
        if by_end is None:
            by_cell.zero_()
        else:
            by_cell.copy_(by_end)
        back.zero_()
        for t in range(self.length - 1, -1, -1):
            (enter, forget, leave, _), candidate, cell, squashed = self._steps[t]
            to_enter, to_forget, to_leave, to_candidate = self._delta_parts[t]
            gates, delta = self._gate_steps[t], self._delta_steps[t]
            back.add_(errors[t])
            torch.mul(back, leave, out=work)
            by_cell.add_(tanh_slope(work, squashed, grad_input=work))
            torch.mul(by_cell, candidate, out=to_enter)
            torch.mul(by_cell, cell, out=to_forget)
            torch.mul(back, squashed, out=to_leave)
            torch.mul(by_cell, enter, out=to_candidate)
            # All four are sigmoids.
            sigmoid_slope(delta, gates, grad_input=delta)
            if t or not self._from_zero:
                torch.bmm(delta, transposed, out=back)
                by_cell.mul_(forget)
        torch.bmm(self._before, self._after, out=self.gradient)
        self.gradient.mul_(self.backward_scale)
        return back, by_cell

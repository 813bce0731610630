"""What runs next, and what becomes of a batch that ended badly. Knows nothing of Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias

from pipeline.rows import Row
from pipeline.work import Costs, J, Shared

MAX_ATTEMPTS = 3
"""Times a task may bring its worker down before it is given up as lost."""

MAX_EVICTIONS = 20
"""Times a task may lose its node, which is not its fault, before it is given up as lost."""

_RESORT_S = 1.0

_Queue: TypeAlias = tuple[str, ...]
Crash = Literal["lost", "final", "evicted"]


@dataclass(slots=True, eq=False)
class Batch(Generic[J]):
    """Tasks of one queue that run in one call: of a study, of one predictor on one table.

    Attributes:
        tasks: At least one.
        estimate_s: Expected seconds of all.
        resident: Whether an actor serves it.
        num_gpus: GPU share it needs.
        claims: Names of what only this batch computes while it is in flight.
    """

    tasks: list[J]
    estimate_s: float
    resident: bool = False
    num_gpus: float = 0.0
    claims: frozenset[Hashable] = frozenset()

    @property
    def table(self) -> str:
        """``space/dataset``."""
        return self.tasks[0].task_name


_Budget: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class _Group(Generic[J]):
    """Waiting tasks of one queue, by budget."""

    limit: int
    budgets: dict[_Budget, deque[J]] = field(default_factory=dict)

    def add(self, task: J) -> None:
        self.budgets.setdefault(task.extent, deque()).append(task)

    def first(self, admits: Callable[[J], bool]) -> J | None:
        """The first waiting task that may run now; of those, one with the largest budget."""
        for budget in sorted(self.budgets, reverse=True):
            if not self.budgets[budget]:
                del self.budgets[budget]
                continue
            for task in self.budgets[budget]:
                if admits(task):
                    return task
        return None

    def any(self) -> J | None:
        """The first waiting task, one with the largest budget."""
        return self.first(lambda _task: True)

    def remove(self, task: J) -> None:
        """Take out one that ``first`` returned."""
        self.budgets[task.extent].remove(task)


@dataclass(slots=True)
class Scheduler(Generic[J]):
    """Hands out batches, longest tasks first, and takes back what did not finish.

    Longest first keeps the workers evenly busy to the end. Batches of a predictor start small and
    double until they hold as much work as the cost model aims at, so that a wrong prior costs little.

    Of tasks that share by-products (``Costs.shared``) one runs at a time, until one that leaves all that the
    next needs has come back: then that finds them, instead of computing them again beside it.

    Attributes:
        cost: Estimates seconds per task, and learns.
    """

    cost: Costs[J]
    _groups: dict[_Queue, _Group[J]] = field(default_factory=dict)
    _order: list[_Queue] = field(default_factory=list)
    _sorted_at: float = -1e9
    _singles: deque[J] = field(default_factory=deque)
    _crashes: dict[str, int] = field(default_factory=dict)
    _evictions: dict[str, int] = field(default_factory=dict)
    _claimed: set[Hashable] = field(default_factory=set)
    _left: dict[Hashable, int] = field(default_factory=dict)

    def add(self, tasks: Iterable[J]) -> None:
        """Queue tasks."""
        for task in tasks:
            group = self._groups.get(task.queue)
            if group is None:
                group = self._groups[task.queue] = _Group(self.cost.first_limit)
            group.add(task)
        self._sorted_at = -1e9

    @property
    def waiting(self) -> int:
        """Number of tasks not handed out."""
        return len(self._singles) + sum(len(queue) for queue in self._queues())

    def remaining_s(self) -> float:
        """Expected seconds of all tasks not handed out."""
        total = sum(self.cost.estimate(task) for task in self._singles)
        return total + sum(len(queue) * self.cost.estimate(queue[0]) for queue in self._queues() if queue)

    def _queues(self) -> Iterator[deque[J]]:
        for group in self._groups.values():
            yield from group.budgets.values()

    def next_batch(self, accept: Callable[[J], bool] | None = None) -> Batch[J] | None:
        """Return the next batch, or None if nothing waits (that ``accept`` admits).

        Also None if all that waits is to find what a batch in flight computes; there is more once that has
        come back, in whatever way.
        """
        for place, single in enumerate(self._singles):
            if (accept is None or accept(single)) and self._is_free(single):
                del self._singles[place]
                return self._batch([single])
        self._sort()
        for name in reversed(self._order):
            group = self._groups.get(name)
            some = group.any() if group is not None else None
            if group is None or some is None or not (accept is None or accept(some)):
                continue
            first = group.first(self._is_free)
            if first is not None:
                return self._batch(self._take(group, first))
        return None

    def _is_free(self, task: J) -> bool:
        """Whether what the task shares is there, or computed by nobody at the moment."""
        shared = self.cost.shared(task)
        return shared is None or shared.name not in self._claimed or self._is_left(shared)

    def _is_left(self, shared: Shared) -> bool:
        return self._left.get(shared.name, -1) >= shared.amount

    def _take(self, group: _Group[J], first: J) -> list[J]:
        group.remove(first)
        taken, total = [first], self.cost.estimate(first)
        together = self.cost.demand(first).together
        while len(taken) < group.limit and (following := group.first(self._is_free)) is not None:
            total += self.cost.estimate(following)
            joint = len(taken) < together and following.extent == first.extent
            if total > self.cost.target_s and not joint:
                break
            group.remove(following)
            taken.append(following)
        return taken

    def _batch(self, tasks: list[J]) -> Batch[J]:
        demand = self.cost.demand(tasks[0])
        estimate = sum(self.cost.estimate(task) for task in tasks)
        found = [shared for task in tasks if (shared := self.cost.shared(task)) is not None]
        claims = frozenset(shared.name for shared in found if not self._is_left(shared))
        self._claimed |= claims
        return Batch(tasks, estimate, demand.resident, demand.num_gpus, claims)

    def _sort(self) -> None:
        now = time.monotonic()
        if now - self._sorted_at < _RESORT_S:
            return
        self._sorted_at = now
        costs = {}
        for name, group in self._groups.items():
            first = group.any()
            if first is not None:
                costs[name] = self.cost.estimate(first)
        self._order = sorted(costs, key=lambda name: (costs[name], name))

    def finished(self, batch: Batch[J], rows: list[Row], unfinished: list[J]) -> None:
        """Take note of a batch that came back; what it had no time for waits again."""
        self._claimed -= batch.claims
        for task, row in zip(batch.tasks, rows, strict=False):  # rows end where the unfinished begin
            row["attempts"] = 1 + self.attempts(task)
            if row["status"] in {"ok", "degenerate"}:
                self.cost.observe(task, _seconds(row))
                self._note_left(task)
        group = self._groups.get(batch.tasks[0].queue)
        if group is not None:
            group.limit *= 2
        if unfinished:
            self.add(unfinished)

    def _note_left(self, task: J) -> None:
        shared = self.cost.shared(task)
        if shared is not None and not self._is_left(shared):
            self._left[shared.name] = shared.amount

    def returned(self, batch: Batch[J]) -> None:
        """Take back a batch that was not begun, or stopped by no fault of its own."""
        self._claimed -= batch.claims
        self.add(batch.tasks)

    def crashed(self, batch: Batch[J], kind: Crash) -> list[J]:
        """Take note of a batch whose worker died, hung or lost its node.

        A batch that lost its node (``evicted``) waits again as it was. In one that crashed or hung
        any task may be the guilty one, so each waits again by itself; one that was by itself is
        tried again if trying may help (``lost``), or given up (``final``).

        Returns:
            The tasks that are given up.
        """
        self._claimed -= batch.claims
        if kind == "evicted":
            return self._again(batch.tasks, self._evictions, MAX_EVICTIONS, self.add)
        if len(batch.tasks) > 1:
            self._singles.extend(batch.tasks)
            return []
        if kind == "final":
            return list(batch.tasks)
        return self._again(batch.tasks, self._crashes, MAX_ATTEMPTS, self._singles.extend)

    @staticmethod
    def _again(
        tasks: list[J], counts: dict[str, int], limit: int, queue: Callable[[list[J]], None]
    ) -> list[J]:
        given_up: list[J] = []
        again: list[J] = []
        for task in tasks:
            key = task.key
            counts[key] = counts.get(key, 0) + 1
            (given_up if counts[key] >= limit else again).append(task)
        queue(again)
        return given_up

    def attempts(self, task: J) -> int:
        """Times a task was begun and did not finish."""
        key = task.key
        return self._crashes.get(key, 0) + self._evictions.get(key, 0)


def _seconds(row: Row) -> float:
    """What a task took, its share of a joint fit or call included."""
    if "wall_s" in row:
        return float(row["wall_s"])
    inside = float((row["finished_at"] - row["started_at"]).total_seconds())
    if "fit_time_s" not in row:
        return inside
    return max(inside, float(row["fit_time_s"]) + float(row["predict_time_s"]) * int(row["n_test"]))

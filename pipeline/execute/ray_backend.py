"""Batches as Ray tasks, resident predictors as Ray actors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import exceptions as failures
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.evaluate import failure
from pipeline.execute import session
from pipeline.execute.actor_pool import ActorPool
from pipeline.execute.backend import Sink
from pipeline.execute.remote import ResidentEvaluatorActor, StartLogActor, run_batch
from pipeline.execute.scheduler import Batch, Crash, Scheduler
from pipeline.work import BatchResult, J, Work
from tasks.errors import RunError

MIN_WINDOW = 4
"""Batches submitted at least: with no worker yet, an autoscaler starts nodes only for what it sees."""

GRACE_S = 5.0
"""A worker stops a task at its time limit by itself; one that cannot is killed this much later."""

STALL_S = 900.0
"""With nothing running and nothing finished for so long, the cluster is taken to be unable to go on."""

MAX_BEGINS = 3
"""Times an actor call may be begun; beyond that it is taken to kill its actor each time."""

_ACTOR_CPUS = 1.0
_ACTOR_WORTH_S = 5.0
_ACTOR_LOOK_S = 5.0
_TICK_S = 1.0

_EVICTED = (failures.NodeDiedError, failures.OwnerDiedError, failures.ActorUnavailableError)
_LOST = (
    failures.WorkerCrashedError,
    failures.OutOfMemoryError,
    failures.ActorDiedError,
    failures.TaskCancelledError,
)


class ClusterStalledError(RunError):
    """Nothing can be started on the cluster."""


@dataclass(slots=True, eq=False)
class _Flight:
    batch: Batch[Any]
    number: int
    pool: ActorPool | None
    limit_s: float
    asked: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    deadly: bool = False


def _ask_after(flight: _Flight) -> float:
    """Seconds between two looks at a call.

    Actor calls are looked at often: Ray repeats one that kills its actor for ever, without a word.
    """
    return flight.limit_s if flight.pool is None else _ACTOR_LOOK_S


class RayBackend:
    """Runs batches on the Ray that the process is connected to.

    The driver keeps a window of batches in flight, a little more than the cluster can run at
    once: a larger one would only fill queues, a smaller one would hide the demand from an
    autoscaler. Ray's own retries are off: the scheduler decides, because it knows which tasks
    of a crashed batch to try apart.
    """

    def __init__(self) -> None:
        self._flights: dict[ray.ObjectRef[Any], _Flight] = {}
        self._pools: dict[float, ActorPool] = {}
        self._count = 0
        self._progress = time.monotonic()
        self._slots = (0.0, 0)

    @property
    def slots(self) -> int:
        """CPUs of the cluster as it was seconds ago."""
        now = time.monotonic()
        if now - self._slots[0] > 5.0 or self._slots[1] == 0:
            self._slots = (now, session.cpu_slots())
        return self._slots[1]

    def run(self, scheduler: Scheduler[J], tables: Mapping[str, Any], work: Work[J], sink: Sink) -> None:
        """Run until nothing waits. Resident predictors first; their actors end with their stage."""
        offers, _ = session.node_offers()
        self._trace = {session.CPU_POOL: session.CPU_POOL_SHARE} if session.offers_cpu_pool(offers) else {}
        # From here on all jobs are alike, of whatever kind.
        self._scheduler: Scheduler[Any] = scheduler
        self._work: Work[Any] = work
        self._sink = sink
        self._tables = {name: ray.put(table) for name, table in tables.items()}
        self._work_ref = ray.put(work)
        actor: Any = StartLogActor
        self._log = actor.options(
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            # Beside the driver, not on a node that may be taken away.
            scheduling_strategy=NodeAffinitySchedulingStrategy(
                ray.get_runtime_context().get_node_id(), soft=True
            ),
        ).remote()
        try:
            for resident in (True, False):
                self._stage(resident=resident)
                self._close_pools()
        finally:
            self._abandon()
            ray.kill(self._log)
            sink.in_flight(0)

    def _stage(self, *, resident: bool) -> None:
        demand = self._scheduler.cost.demand
        # Actors of one GPU share at a time: idle ones would hold CPUs that those of another wait for.
        share: float | None = None

        def accepts(task: Any) -> bool:  # noqa: ANN401
            wanted = demand(task)
            return wanted.resident == resident and (share is None or wanted.num_gpus == share)

        while True:
            while len(self._flights) < max(MIN_WINDOW, 2 * self.slots):
                batch = self._scheduler.next_batch(accepts)
                if batch is None:
                    break
                share = batch.num_gpus if resident else None
                self._submit(batch)
            if not self._flights and share is None:
                return
            if not self._flights:
                self._close_pools()
                share = None
                continue
            self._collect(_TICK_S)
            self._stop_overdue()
            self._sink.in_flight(sum(len(flight.batch.tasks) for flight in self._flights.values()))

    def _submit(self, batch: Batch[Any]) -> None:
        self._count += 1
        pool = self._pool(batch) if batch.resident else None
        if pool is not None:
            ref = pool.submit("evaluate", batch.tasks, self._tables[batch.table], self._count, self._log)
        else:
            remote: Any = run_batch.options(
                num_cpus=1, num_gpus=batch.num_gpus, resources=self._resources(batch)
            )
            ref = remote.remote(
                batch.tasks, self._tables[batch.table], self._work_ref, self._count, self._log
            )
        limit = 1.25 * self._work.task_timeout_s + GRACE_S
        if len(batch.tasks) > 1:
            limit += self._work.batch_budget_s
        self._flights[ref] = _Flight(batch, self._count, pool, limit)

    def _resources(self, batch: Batch[Any]) -> dict[str, float]:
        return {} if batch.num_gpus else self._trace

    def _pool(self, batch: Batch[Any]) -> ActorPool:
        if batch.num_gpus not in self._pools:
            wanted = int(self._scheduler.remaining_s() / _ACTOR_WORTH_S) + 1
            resources = self._resources(batch)
            # One that finds no place would keep the calls that it is given until the end of the stage.
            room = session.places({"CPU": _ACTOR_CPUS, "GPU": batch.num_gpus, **resources})
            self._pools[batch.num_gpus] = ActorPool(
                ResidentEvaluatorActor,
                (self._work, batch.num_gpus),
                size=max(1, min(wanted, self.slots if room is None else room)),
                num_cpus=_ACTOR_CPUS,
                num_gpus=batch.num_gpus,
                resources=resources,
            )
        return self._pools[batch.num_gpus]

    def _collect(self, timeout: float) -> None:
        """Take in every batch that has ended; waits up to ``timeout`` for the first."""
        refs = list(self._flights)
        ready, rest = ray.wait(refs, num_returns=1, timeout=timeout)
        if ready and rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0)
            ready += more
        for ref in ready:
            self._take(ref)

    def _take(self, ref: ray.ObjectRef[Any]) -> None:
        flight = self._flights.pop(ref, None)
        if flight is None:  # given back to the scheduler when its actor was replaced
            return
        self._progress = time.monotonic()
        if flight.pool is not None:
            flight.pool.release(ref)
        try:
            result: BatchResult[Any] = ray.get(ref)
        except failures.RayError as error:
            self._failed(flight, error)
        else:
            self._scheduler.finished(flight.batch, result.rows, result.unfinished)
            self._sink.take(result)

    def _failed(self, flight: _Flight, error: failures.RayError) -> None:
        """A batch did not come back: decide what runs again and report what does not."""
        kind: Crash
        if flight.deadly:
            kind, status, message = "final", "lost", f"killed its actor {MAX_BEGINS} times"
        elif flight.cancelled:
            kind, status, message = "final", "timeout", f"killed after {flight.limit_s:g} s without an end"
        elif isinstance(error, _EVICTED):
            kind, status, message = "evicted", "lost", f"lost its node each time; last: {error}"
        elif isinstance(error, _LOST):
            kind, status, message = "lost", "lost", f"its worker died each time; last: {error}"
        else:  # raised outside the task itself: it does not change by trying again
            kind, status, message = "final", "error", str(error)
        rows = []
        for task in self._scheduler.crashed(flight.batch, kind):
            row = self._work.new_row(task)
            row["attempts"] = max(1, self._scheduler.attempts(task))
            name = "TaskTimeout" if status == "timeout" else type(error).__name__
            rows.append(failure(row, status, name, message))
        if rows:
            self._sink.take(BatchResult(rows))

    def _stop_overdue(self) -> None:
        """Kill what runs beyond its limit, counted from its start, and what keeps killing its actor."""
        now = time.monotonic()
        stalled = bool(self._flights) and now - self._progress > STALL_S
        asked = [
            (ref, flight)
            for ref, flight in self._flights.items()
            if not flight.cancelled and (stalled or now - flight.asked > _ask_after(flight))
        ]
        if not asked:
            return
        running = ray.get(self._log.running.remote([flight.number for _, flight in asked]))
        if stalled and not any(times for _, times in running):
            raise ClusterStalledError(
                f"no task could start for {STALL_S:g} s; the cluster offers {ray.cluster_resources()}"
            )
        for (ref, flight), (seconds, times) in zip(asked, running, strict=True):
            flight.asked = now
            overdue, deadly = seconds > flight.limit_s, times > MAX_BEGINS
            if (overdue or deadly) and ref in self._flights:
                flight.deadly = deadly and not overdue
                self._kill(ref, flight)

    def _kill(self, ref: ray.ObjectRef[Any], flight: _Flight) -> None:
        flight.cancelled = True  # before its error arrives, which looks like any crash
        if flight.pool is None:
            ray.cancel(ref, force=True)
            return
        for other in flight.pool.replace(ref):  # innocent: they only waited for the same actor
            self._scheduler.returned(self._flights.pop(other).batch)

    def _close_pools(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def _abandon(self) -> None:
        """After an interruption: keep what has ended, stop the rest."""
        if self._flights:
            self._collect(0.0)
        for ref, flight in self._flights.items():
            if flight.pool is None:
                ray.cancel(ref, force=True)
        self._flights.clear()
        self._close_pools()

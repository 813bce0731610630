"""What runs inside Ray workers: thin wrappers round plain functions."""

from __future__ import annotations

import time
from typing import Any

import ray

from pipeline.execute.threads import limit_threads
from pipeline.work import BatchResult, Work


class StartLog:
    """Knows when each call began: deadlines count from there, not from when it was queued."""

    def __init__(self) -> None:
        self._began: dict[int, tuple[float, int]] = {}

    def begin(self, call: int) -> None:
        """Note that a call begins; one that Ray runs again begins anew."""
        _, times = self._began.pop(call, (0.0, 0))
        self._began[call] = (time.time(), times + 1)
        if len(self._began) > _REMEMBERED:
            del self._began[next(iter(self._began))]  # the oldest, long since ended

    def running(self, calls: list[int]) -> list[tuple[float, int]]:
        """Return for how many seconds each call has been running, and how often it was begun."""
        now = time.time()
        begun = [self._began.get(call, (now, 0)) for call in calls]
        return [(now - since, times) for since, times in begun]


_REMEMBERED = 50_000

StartLogActor = ray.remote(StartLog)


@ray.remote(max_retries=0)
def run_batch(
    tasks: list[Any],
    table: Any,  # noqa: ANN401
    work: Work[Any],
    call: int,
    log: Any,  # noqa: ANN401
) -> BatchResult[Any]:
    """Evaluate a batch in a worker process."""
    log.begin.remote(call)
    limit_threads()
    return work.evaluate(tasks, table)


class ResidentEvaluator:
    """Serves lists of tasks of resident predictors, for as long as their stage lasts.

    Tables come with each call: they lie in the node's object store and are read without a copy.
    As constructor arguments they would be lost with the node that made them, and the restarts too.

    Args:
        work: Turns jobs into rows.
        num_gpus: GPU share; the process may use that share of the device's memory and no more.
    """

    def __init__(self, work: Work[Any], num_gpus: float) -> None:
        limit_threads()
        self._work = work
        if num_gpus > 0:
            _limit_gpu_memory(num_gpus)

    def evaluate(self, tasks: list[Any], table: Any, call: int, log: Any) -> BatchResult[Any]:  # noqa: ANN401
        """Evaluate a batch."""
        log.begin.remote(call)
        return self._work.evaluate(tasks, table)


ResidentEvaluatorActor = ray.remote(ResidentEvaluator)


def _limit_gpu_memory(share: float) -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(0.9 * share)

"""Everything in this process, one task after the other: for debugging, and for tiny studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.execute.backend import Sink
from pipeline.execute.scheduler import Scheduler
from pipeline.execute.threads import limit_threads
from pipeline.work import J, Work


class SerialBackend:
    """Runs batches in the calling process."""

    slots = 1

    def run(self, scheduler: Scheduler[J], tables: Mapping[str, Any], work: Work[J], sink: Sink) -> None:
        """Run until nothing waits."""
        limit_threads()
        while (batch := scheduler.next_batch()) is not None:
            sink.in_flight(len(batch.tasks))
            result = work.evaluate(batch.tasks, tables[batch.table])
            scheduler.finished(batch, result.rows, result.unfinished)
            sink.take(result)
        sink.in_flight(0)

"""Everything in this process, one task after the other: for debugging, and for tiny studies."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.evaluate import Context, evaluate_batch
from pipeline.execute.backend import Sink
from pipeline.execute.scheduler import Scheduler
from pipeline.execute.threads import limit_threads
from tasks.benchmarks.table import BenchmarkTable


class SerialBackend:
    """Runs batches in the calling process."""

    slots = 1

    def run(
        self, scheduler: Scheduler, tables: Mapping[str, BenchmarkTable], context: Context, sink: Sink
    ) -> None:
        """Run until nothing waits."""
        limit_threads()
        while (batch := scheduler.next_batch()) is not None:
            sink.in_flight(len(batch.tasks))
            result = evaluate_batch(batch.tasks, tables[batch.table], context)
            scheduler.finished(batch, result.rows, result.unfinished)
            sink.take(result)
        sink.in_flight(0)

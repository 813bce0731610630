"""What the two backends have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.execute.scheduler import Scheduler
from pipeline.work import BatchResult, J, Work


class Sink(Protocol):
    """Takes results as they come; called in the driver, by one thread."""

    def take(self, result: BatchResult[Any]) -> None:
        """Take the rows of a batch."""

    def in_flight(self, tasks: int) -> None:
        """Be told how many tasks are being worked on; called at least once per second or so."""


class Backend(Protocol):
    """Runs what a scheduler hands out."""

    @property
    def slots(self) -> int:
        """Tasks that can run at the same time now."""

    def run(self, scheduler: Scheduler[J], tables: Mapping[str, Any], work: Work[J], sink: Sink) -> None:
        """Run until nothing waits, or until KeyboardInterrupt; results go to the sink.

        Args:
            scheduler: Holds the jobs.
            tables: Shared data by ``task_name``: measured tables, or the images of a build.
            work: Turns jobs into rows.
            sink: Takes the rows.
        """

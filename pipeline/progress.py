"""What a run shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

PLAIN_EVERY_S = 15.0
FAILED = frozenset({"error", "timeout", "lost"})


class Reporter(Protocol):
    """Is told of the progress of a run."""

    def start(self, total: int) -> None:
        """Begin; ``total`` tasks are to be done."""

    def update(self, statuses: Counter[str], running: int, remaining_s: float) -> None:
        """Show the state: tasks by status, tasks in flight, expected wall seconds to the end."""

    def stop(self) -> None:
        """End; the terminal is free again."""


class Silent:
    """Shows nothing."""

    def start(self, total: int) -> None:
        """Ignored."""

    def update(self, statuses: Counter[str], running: int, remaining_s: float) -> None:
        """Ignored."""

    def stop(self) -> None:
        """Ignored."""


class PlainReporter:
    """One line every 15 seconds: for logs, pipes and batch systems."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = 0
        self._began = self._printed = 0.0
        self._last: tuple[int, int] = (0, 0)

    def start(self, total: int) -> None:
        """Begin."""
        self._total, self._began = total, time.monotonic()
        self._printed = self._began

    def update(self, statuses: Counter[str], running: int, remaining_s: float) -> None:
        """Print a line if the last one is old enough."""
        done = sum(statuses.values())
        self._last = (done, _failed(statuses))
        now = time.monotonic()
        if now - self._printed < PLAIN_EVERY_S:
            return
        self._printed = now
        self._line(running, remaining_s)

    def _line(self, running: int, remaining_s: float) -> None:
        done, failed = self._last
        rate = done / max(time.monotonic() - self._began, 1e-9)
        self._console.print(
            f"{done}/{self._total} done, {failed} failed, {running} running, {_pace(rate)}, "
            f"about {duration(remaining_s)} left",
            highlight=False,
        )

    def stop(self) -> None:
        """Print the last state."""
        if self._total:
            self._line(0, 0.0)


class BarReporter:
    """A live bar with rate, time left and failures."""

    def __init__(self, console: Console, doing: str = "evaluating") -> None:
        self._doing = doing
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            expand=True,
        )
        self._began = 0.0

    def start(self, total: int) -> None:
        """Begin."""
        self._began = time.monotonic()
        self._bar.start()
        self._id = self._bar.add_task(self._doing, total=total, state="starting")

    def update(self, statuses: Counter[str], running: int, remaining_s: float) -> None:
        """Redraw."""
        done, failed = sum(statuses.values()), _failed(statuses)
        rate = done / max(time.monotonic() - self._began, 1e-9)
        state = f"{running} running · {_pace(rate)} · {duration(remaining_s)} left"
        if failed:
            state += f" · [red]{failed} failed[/red]"
        self._bar.update(self._id, completed=done, state=state)

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def choose_reporter(console: Console, doing: str = "evaluating") -> Reporter:
    """Return what suits a console: a bar on a terminal, lines elsewhere, nothing on one that is quiet."""
    if console.quiet:
        return Silent()
    return BarReporter(console, doing) if console.is_terminal else PlainReporter(console)


class Guard:
    """Stops a reporter at the end of a block, however it ends."""

    def __init__(self, reporter: Reporter, total: int) -> None:
        self._reporter, self._total = reporter, total

    def __enter__(self) -> Self:
        self._reporter.start(self._total)
        return self

    def __exit__(self, *_: object) -> None:
        self._reporter.stop()


def _failed(statuses: Counter[str]) -> int:
    return sum(count for status, count in statuses.items() if status in FAILED)


def _pace(rate: float) -> str:
    """Return a rate per second as people say it."""
    return f"{rate:.1f}/s" if rate >= 0.5 else f"{rate * 60:.1f}/min"


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

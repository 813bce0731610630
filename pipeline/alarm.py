"""A time limit on Python code in the main thread."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TaskTimeout(BaseException):
    """The time limit was reached. Not an Exception, so that predictors do not catch it by accident."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TaskTimeout in the body after ``seconds``.

    Only the main thread of a process on a system with interval timers can be interrupted, and
    only between Python instructions; elsewhere the body runs without a limit, and the driver of a
    Ray run cancels the task by force.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise TaskTimeout(f"stopped after {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    # An interval, not a single shot: an exception that a library swallows is raised again.
    signal.setitimer(signal.ITIMER_REAL, seconds, max(1.0, seconds / 10))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)

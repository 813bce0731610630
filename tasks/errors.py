"""Errors that are written for the person who gave the input."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: names the file, field and value, and says what is allowed.

    The command line prints the message without a traceback and ends with exit code 2.
    """


class RunError(RuntimeError):
    """The surroundings failed: a disk, a network, a cluster. The input was right.

    The command line prints the message without a traceback and ends with exit code 1; what was
    stored stays stored.
    """


def did_you_mean(value: str, allowed: Iterable[str]) -> str:
    """Return the end of an error message: the closest allowed names, then all of them."""
    names = list(allowed)
    close = difflib.get_close_matches(value, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(name) for name in close)}? " if close else ""
    return f"{hint}allowed: {', '.join(names) or 'none'}"

"""Errors that are written for the person who gave the input."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: names the file, field and value, and says what is allowed.

    The command line prints the message without a traceback and ends with exit code 2.
    """

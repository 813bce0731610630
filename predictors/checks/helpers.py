"""What the checks share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError

TOLERANCE = 1e-9
"""Relative, for the same architectures in another batch: matrix products may round differently."""


def same(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two score vectors are equal to the last bit, undefined ones in the same places."""
    return bool(np.array_equal(first, second, equal_nan=True))


def raises(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """Return the exception of this kind that ``call`` must raise."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def refuses(call: Callable[[], object], *parts: str) -> None:
    """``call`` must raise an InputError whose message holds all ``parts``."""
    message = str(raises(InputError, call))
    for part in parts:
        assert part in message, f"message does not name {part!r}: {message}"

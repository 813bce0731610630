"""Which of the runs of a source go into a table, and how many do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.benchmarks.schema import CURVES
from tasks.errors import InputError

DIVERGED, UNFINISHED = "diverged", "not finished"
OTHER_LENGTH, OUTSIDE = "of other length", "outside the space"

MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What an entry that is not made as it should be can raise in a reader."""

_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, slots=True)
class Imported:
    """A table that an importer wrote.

    Attributes:
        path: Its file.
        read: Entries of the source: training runs, or architectures where it does not tell runs apart.
        left_out: Reason -> how many of them are not in the table; reasons with none are absent.
    """

    path: Path
    read: int
    left_out: Mapping[str, int]


class Runs:
    """Collects the usable runs of a source and counts the others.

    A run is a mapping from columns of a table to what was measured; None is "not known".

    Attributes:
        kept: The usable ones so far, in the order in which they came.
    """

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self._left_out: Counter[str] = Counter()

    @property
    def read(self) -> int:
        """How many runs came, usable or not."""
        return len(self.kept) + self._left_out.total()

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count runs that are not usable."""
        self._left_out[reason] += count

    def add(self, run: Mapping[str, Any]) -> bool:
        """Keep a run if all its numbers are finite; else it diverged. Returns whether it is kept.

        Raises:
            ValueError: A curve is not a sequence of numbers, or has none.
            TypeError: As above.
        """
        curves = {name: _curve(name, run[name]) for name in CURVES if run.get(name) is not None}
        numbers = [value for value in run.values() if isinstance(value, float | int)]
        # Tables hold curves as 32-bit numbers; a comparison with NaN is false.
        finite = all((np.abs(curve) <= _LARGEST).all() for curve in curves.values())
        if not finite or not np.isfinite(numbers).all():
            self.leave_out(DIVERGED)
            return False
        self.kept.append({**run, **curves})
        return True

    def keep_commonest_length(self, source: Path) -> int:
        """Leave out the runs with a curve that is shorter or longer than most. Returns the length.

        Args:
            source: Begins the error message.

        Raises:
            InputError: Nothing is left.
        """
        lengths = [[len(run[name]) for name in CURVES if run.get(name) is not None] for run in self.kept]
        every = [length for of_run in lengths for length in of_run]
        epochs = Counter(every).most_common(1)[0][0] if every else 0
        fits = [set(of_run) == {epochs} for of_run in lengths]
        kept = [run for run, fit in zip(self.kept, fits, strict=True) if fit]
        if len(kept) < len(self.kept):
            self.leave_out(OTHER_LENGTH, len(self.kept) - len(kept))
        self.kept = kept
        self.require(source)
        return epochs

    def require(self, source: Path) -> None:
        """Check that there is something for a table.

        Raises:
            InputError: There is nothing; says why.
        """
        if not self.kept:
            raise InputError(
                f"{source}: none of its {self.read} runs can be used ({described(self._left_out)})"
            )

    def imported(self, path: Path) -> Imported:
        """Return the record of the table that was written of the runs."""
        return Imported(path, self.read, dict(self._left_out))


def described(left_out: Mapping[str, int]) -> str:
    """Return what was left out in words: ``3 diverged, 1 outside the space``."""
    return ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())


def _curve(name: str, value: Any) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:  # noqa: ANN401
    values = np.asarray(value, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name} is no list of numbers, or an empty one")
    return values

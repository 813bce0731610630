"""Columns of an Arrow table as checked numpy arrays, with errors that name column and row."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.errors import InputError


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one file. Rows are counted from 0.

    Optional columns that are absent or null in every row give None; a null in some rows is an
    error, because a gap that is filled silently would be a number nobody measured. Further targets
    (``gappy``), which nothing is trained on unasked, may have gaps.

    Attributes:
        table: The file's content.
        file: Named in errors.
    """

    table: pa.Table
    file: str

    def __post_init__(self) -> None:
        for name, count in Counter(self.table.column_names).items():
            if count > 1:
                raise InputError(f"{self.file}: column {name!r} is there {count} times")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def has(self, name: str) -> bool:
        """Tell whether the column is there and not null in every row."""
        return name in self.table.column_names and self.table.column(name).null_count < len(self)

    def fail(self, name: str, row: int | None, problem: str) -> NoReturn:
        """Raise the error of a column and row."""
        where = "" if row is None else f", row {row}"
        raise InputError(f"{self.file}, column {name!r}{where}: {problem}")

    def get(self, name: str, meaning: str) -> pa.Array:
        """Return a required column as one array without nulls.

        Raises:
            InputError: It is missing or has a null; ``meaning`` says what it should hold.
        """
        if name not in self.table.column_names:
            names = self.table.column_names
            raise InputError(
                f"{self.file}: column {name!r} ({meaning}) is missing; "
                f"the file has {', '.join(names) or 'no columns'}"
            )
        array = self._array(name)
        if array.null_count:
            self.fail(name, first(array.is_null()), f"is null, must be {meaning}")
        return array

    def texts(self, name: str, meaning: str) -> list[str]:
        """Return a required column of strings."""
        array = self.get(name, meaning)
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        if not is_text(kind):
            self.fail(name, None, f"has type {array.type}, must be {meaning} (string)")
        texts: list[str] = array.to_pylist()
        return texts

    def numbers(self, name: str, meaning: str, low: float, high: float) -> NDArray[np.float64]:
        """Return a required column of finite numbers in [low, high]."""
        array = self.get(name, meaning)
        return self._checked(name, array, meaning, low, high, width=1)

    def optional(self, name: str, meaning: str, low: float, high: float) -> NDArray[np.float64] | None:
        """Return a column of finite numbers in [low, high], or None."""
        return self.numbers(name, meaning, low, high) if self.has(name) else None

    def gappy(self, name: str, meaning: str) -> NDArray[np.float64]:
        """Return a column of finite numbers, NaN where the file has a null."""
        array = self._array(name)
        values = self._checked(name, pc.fill_null(array, 0), meaning, -np.inf, np.inf, width=1)
        return np.where(to_array(array.is_null().cast(pa.uint8())) == 1, np.nan, values)

    def optional_counts(self, name: str, meaning: str) -> NDArray[np.int64] | None:
        """Return a column of whole numbers of at least 0, or None."""
        values = self.optional(name, meaning, 0.0, 2.0**53)
        if values is None:
            return None
        broken = np.flatnonzero(values != np.floor(values))
        if broken.size:
            self.fail(name, int(broken[0]), f"is {values[broken[0]]:g}, must be {meaning}, a whole number")
        return values.astype(np.int64)

    def optional_curves(self, name: str, meaning: str, low: float, high: float) -> NDArray[np.float32] | None:
        """Return a column of equally long lists as an array of shape (rows, epochs), or None."""
        if not self.has(name):
            return None
        array = self.get(name, meaning)
        lengths, values = self.lists(name, array, meaning)
        epochs = int(lengths[0])
        ragged = np.flatnonzero(lengths != epochs)
        if ragged.size:
            row = int(ragged[0])
            self.fail(
                name, row, f"has {lengths[row]} epochs, row 0 has {epochs}; all curves must be equally long"
            )
        if epochs == 0:
            self.fail(name, 0, f"is empty, must be {meaning}")
        if values.null_count:
            self.fail(name, first(values.is_null()) // epochs, f"holds a null, must be {meaning}")
        checked = self._checked(name, values, meaning, low, high, width=epochs)
        return checked.reshape(len(self), epochs).astype(np.float32)

    def lists(self, name: str, array: pa.Array, meaning: str) -> tuple[NDArray[np.int64], pa.Array]:
        """Return the length of each list and all elements in one array."""
        kind = array.type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
            self.fail(name, None, f"has type {kind}, must be {meaning} (a list)")
        lengths = to_array(pc.list_value_length(array).cast(pa.int64()))
        return lengths, array.flatten()

    def _array(self, name: str) -> pa.Array:
        column = self.table.column(name)
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)

    def _checked(
        self, name: str, array: pa.Array, meaning: str, low: float, high: float, width: int
    ) -> NDArray[np.float64]:
        kind = array.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            self.fail(name, None, f"has type {kind}, must be {meaning} (numbers)")
        values = to_array(array.cast(pa.float64(), safe=False))
        # Written so that NaN, which compares false with everything, counts as wrong.
        wrong = np.flatnonzero(~((values >= low) & (values <= high) & np.isfinite(values)))
        if wrong.size:
            row, epoch = divmod(int(wrong[0]), width)
            at = f" at epoch {epoch + 1}" if width > 1 else ""
            bounds = "" if (low, high) == (-np.inf, np.inf) else f" in [{low:g}, {high:g}]"
            self.fail(name, row, f"is {values[wrong[0]]:g}{at}, must be {meaning}, finite{bounds}")
        return np.ascontiguousarray(values)


def to_array(array: pa.Array) -> NDArray[Any]:
    """Return numbers without nulls as a read-only numpy array, without a copy.

    Arrow's own ``to_numpy`` imports pandas, which takes longer than reading the table.
    """
    return np.from_dlpack(array)


def first(mask: pa.BooleanArray) -> int:
    """Return the position of the first true entry."""
    return int(pc.index(mask, value=True).as_py())


def is_text(kind: pa.DataType) -> bool:
    """Tell whether an Arrow type is one of strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def unused(names: list[str], known: list[str]) -> list[str]:
    """Return a remark for each unknown column whose name is close to a known one that is absent."""
    absent = [name for name in known if name not in names]
    remarks = []
    for name in names:
        close = difflib.get_close_matches(name, absent, n=1, cutoff=0.75)
        if close and name not in known:
            remarks.append(f"column {name!r} is not used; did you mean {close[0]!r}?")
    return remarks

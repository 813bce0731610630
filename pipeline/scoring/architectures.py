"""Which architectures are scored: all of a space, those of a table, or those of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.spaces.base import Codes, SearchSpace

ALL, TABLE = "all", "table"


@runtime_checkable
class Listed(Protocol):
    """A space that is small enough to be written down."""

    def all_codes(self) -> Codes:
        """Return every architecture, shape (n, code length)."""


def architectures(choice: str | None, table: BenchmarkTable) -> Codes:
    """Return the chosen architectures, each once, in lexicographic order of their codes.

    Isomorphic ones are different architectures here.

    Args:
        choice: ``all``, ``table`` or the path of a text file; None for ``all``.
        table: A measured table; gives the space.

    Raises:
        InputError: A space that cannot be listed, or a file with a line that is no architecture of it.
    """
    space = table.space
    if choice == TABLE:
        return np.unique(table.codes, axis=0)
    if choice not in (ALL, None):
        return np.unique(read_lines(Path(choice or ""), space), axis=0)
    if not isinstance(space, Listed):
        raise InputError(
            f"--archs all: the architectures of {space.name} cannot be listed; give 'table' for the "
            f"{len(table):,} of the measured table, or a text file with one per line"
        )
    return space.all_codes()


def read_lines(file: Path, space: SearchSpace) -> Codes:
    """Read a text file with one architecture per line, in the space's notation; empty lines do not matter.

    Raises:
        InputError: No such file, nothing in it, or a wrong line, named by its number and text.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--archs {file}: give 'all', 'table' or a text file; cannot read it: {error}"
        ) from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise InputError(f"--archs {file}: the file holds no architecture")
    texts = [text for _, text in numbered]
    try:
        return space.parse_many(texts)
    except InputError:
        for number, text in numbered:
            _check(space, text, f"{file}: line {number}, {text[:200]!r}")
        raise


def _check(space: SearchSpace, text: str, where: str) -> None:
    try:
        space.parse(text)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error

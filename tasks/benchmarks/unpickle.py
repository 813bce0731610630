"""Read pickles that hold data only; anything that could run code is refused unread."""

from __future__ import annotations

import bz2
import io
import pickle
import pickletools
from pathlib import Path
from typing import Any, NoReturn

from tasks.benchmarks.pickle_stand_ins import STAND_INS, resolved
from tasks.errors import InputError

_ALLOWED = {
    # Framing, the memo and the stack.
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP",
    "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET",
    # None, booleans, numbers, strings.
    "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4",
    "FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    # Lists, tuples, dicts, sets.
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_SET", "ADDITEMS", "FROZENSET",
}  # fmt: skip
"""Instructions of the pickle machine that only make builtin containers, numbers and strings."""

_CALLS = {
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
"""What numpy values and ordered dicts need besides; calls reach ``STAND_INS`` only."""

_STORES = {"PUT", "BINPUT", "LONG_BINPUT"}
"""Instructions that number what they store; the table of numbers is allocated up to the largest."""


_PYTHON2 = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
"""Strings of Python 2, which are bytes; read as latin-1, the encoding in which no byte is lost."""

_DAMAGE = (
    pickle.UnpicklingError, ValueError, TypeError, EOFError, IndexError, KeyError, AttributeError,
    OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""How a damaged pickle can fail; the documentation of the module names these, "not limited to"."""


class _PlainUnpickler(pickle.Unpickler):
    """The second fence: even if an instruction slipped through, there is no class to be had."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"refers to {module}.{name}")


class _DataUnpickler(pickle.Unpickler):
    """Gives a stand-in for each of the listed names; there is no class or numpy type to be had."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) not in STAND_INS:
            raise InputError(f"refused, it refers to {module}.{name}, which is not on the list of plain data")
        return STAND_INS[module, name]

    def load(self) -> Any:  # noqa: ANN401
        return resolved(super().load())


def load_plain(source: str | Path | bytes) -> Any:  # noqa: ANN401
    """Return what a pickle holds if that is made of builtin containers, numbers and strings only.

    The instructions are checked against an allow-list before any of them is carried out.

    Args:
        source: A path, or the pickle itself.

    Raises:
        InputError: The pickle holds anything else, is damaged, or cannot be read.
    """
    return _load(source, _ALLOWED, _PlainUnpickler, "make builtin containers, numbers and strings")


def load_data(source: str | Path | bytes) -> Any:  # noqa: ANN401
    """Return what a pickle holds; besides plain data, ordered dicts and numpy values are read.

    Instructions and names are checked against allow-lists; a path that ends in ``.pbz2`` is
    decompressed first. Ordered dicts come as dicts. Numpy values may be numbers, booleans and
    strings, single or in arrays.

    Args:
        source: A path, or the pickle itself.

    Raises:
        InputError: The pickle holds anything else, is damaged, or cannot be read.
    """
    return _load(source, _ALLOWED | _CALLS, _DataUnpickler, "make plain data and numpy values")


def load_python2(source: str | Path | bytes) -> Any:  # noqa: ANN401
    """Return what ``load_data`` does, of a pickle that may come from Python 2; texts are latin-1.

    Args:
        source: A path, or the pickle itself.

    Raises:
        InputError: As ``load_data``.
    """
    can = "make plain data and numpy values"
    return _load(source, _ALLOWED | _CALLS | _PYTHON2, _DataUnpickler, can, encoding="latin1")


def _load(
    source: str | Path | bytes,
    allowed: set[str],
    unpickler: type[pickle.Unpickler],
    can: str,
    encoding: str = "ASCII",
) -> Any:  # noqa: ANN401
    if isinstance(source, bytes):
        name, content = "pickle", source
    else:
        name = str(source)
        try:
            content = Path(source).read_bytes()
            if name.endswith(".pbz2"):
                content = bz2.decompress(content)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})"
            ) from error
    try:
        for instruction, argument, position in pickletools.genops(content):
            if instruction.name not in allowed:
                raise InputError(
                    f"{name}: refused, instruction {instruction.name} at byte {position} "
                    f"can do more than {can}"
                )
            # Honest files count up from 0 or 1, and each stored value takes at least a byte.
            if instruction.name in _STORES and not (argument is not None and 0 <= argument <= position):
                raise InputError(f"{name}: refused, it stores a value as number {argument}")
        return unpickler(io.BytesIO(content), encoding=encoding).load()
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(name) else f"{name}: {text}") from error
    except _DAMAGE as error:
        raise InputError(f"{name}: not a complete pickle ({type(error).__name__}: {error})") from error

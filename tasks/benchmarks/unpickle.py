"""Read pickles that hold plain data only; anything that could run code is refused unread."""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any, NoReturn

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

_DAMAGE = (
    pickle.UnpicklingError, ValueError, TypeError, EOFError, IndexError, KeyError, AttributeError,
    OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""How a damaged pickle can fail; the documentation of the module names these, "not limited to"."""


class _PlainUnpickler(pickle.Unpickler):
    """The second fence: even if an instruction slipped through, there is no class to be had."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"refers to {module}.{name}")


def load_plain(source: str | Path | bytes) -> Any:  # noqa: ANN401
    """Return what a pickle holds if that is made of builtin containers, numbers and strings only.

    The instructions are checked against an allow-list before any of them is carried out.

    Args:
        source: A path, or the pickle itself.

    Raises:
        InputError: The pickle holds anything else, is damaged, or cannot be read.
    """
    if isinstance(source, bytes):
        name, content = "pickle", source
    else:
        name = str(source)
        try:
            content = Path(source).read_bytes()
        except OSError as error:
            raise InputError(f"{name}: cannot be read ({error.strerror})") from error
    try:
        for instruction, _, position in pickletools.genops(content):
            if instruction.name not in _ALLOWED:
                raise InputError(
                    f"{name}: refused, instruction {instruction.name} at byte {position} can do more than "
                    "make builtin containers, numbers and strings"
                )
        return _PlainUnpickler(io.BytesIO(content)).load()
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{name}: not a complete pickle ({type(error).__name__}: {error})") from error

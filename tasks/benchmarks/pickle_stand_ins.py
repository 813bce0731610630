"""What a pickle of numpy values gets instead of numpy's own names.

The real ones cannot be handed to a file that nobody vouches for: ``numpy.dtype("O")``, or a state set
onto a dtype that is in use, makes numpy read bytes of the file as object pointers. Here a dtype is a
name, an array its parts, and real values are made from plain buffers of a checked length only.
Everything that a file can get hold of is an instance of a class with slots and a ``__setstate__`` of
its own, so that nothing can be written into it, and never a class.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError

_KIND = re.compile(r"[biufcSU][0-9]{1,9}")
_ORDERS = ("<", ">", "=", "|")


class _Inert:
    """Without a state that a pickle could set, and no key of a dict, where it would be overlooked."""

    __hash__ = None  # type: ignore[assignment]  # how Python spells it
    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise InputError(f"refused, it sets a state of {type(self).__name__.strip('_')}")


class _Marker(_Inert):
    """Stands for the class ``numpy.ndarray``, which is only ever passed on."""

    __slots__ = ()


_NDARRAY = _Marker()


class _Call(_Inert):
    """A function of this module, closed to changes."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the file passes
        return self._function(*arguments)


class _Dtype(_Inert):
    """A type of plain numbers or strings: its name and byte order, nothing else."""

    __slots__ = ("_name", "_real")

    def __init__(self, name: object, *_flags: object) -> None:
        if not isinstance(name, str) or not _KIND.fullmatch(name):
            raise InputError(
                f"refused, it holds values of the numpy type {name!r}; allowed are numbers and strings"
            )
        self._name, self._real = name, np.dtype(name)

    def __setstate__(self, state: object) -> None:
        # (version, byte order, sub-array, names, fields, item size, alignment, flags, ...)
        if not isinstance(state, tuple) or len(state) < 5 or state[1] not in _ORDERS:
            raise InputError("refused, it sets a state of a numpy type that is more than its byte order")
        if any(part is not None for part in state[2:5]):
            raise InputError("refused, it turns a numpy type into one with fields or parts")
        self._real = np.dtype(self._name).newbyteorder(state[1])

    def scalar(self, content: object) -> Any:  # noqa: ANN401 - any of numpy's scalars
        """Return one value."""
        return np.frombuffer(self._checked(content, 1), self._real)[0]

    def array(self, content: object, shape: object, order: str) -> NDArray[Any]:
        """Return a fresh array; the content must be exactly as long as type and shape say."""
        if not isinstance(shape, tuple) or not all(type(length) is int and length >= 0 for length in shape):
            raise InputError(f"an array has the shape {shape!r}")
        plain = np.frombuffer(self._checked(content, math.prod(shape)), self._real)
        return plain.reshape(shape, order="F" if order == "F" else "C").copy("K")

    def _checked(self, content: object, values: int) -> bytes:
        if isinstance(content, str):
            content = content.encode("latin1")  # how pickles of Python 2 are read
        if not isinstance(content, bytes | bytearray):
            raise InputError(f"values of type {self._name!r} come as {type(content).__name__}, not as bytes")
        if len(content) != values * self._real.itemsize or not self._real.itemsize:
            raise InputError(f"{values} values of type {self._name!r} come as {len(content)} bytes")
        return bytes(content)


class _Array(_Inert):
    """An array whose parts arrive later, or not at all."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _Dtype):
            raise InputError("refused, it sets a state of an array that is not shape, type and content")
        _, shape, dtype, fortran, content = state
        self.value = dtype.array(content, shape, "F" if fortran else "C")


def _dtype(*arguments: object) -> _Dtype:
    return _Dtype(*arguments)


def _reconstruct(kind: object, *_placeholders: object) -> _Array:
    if kind is not _NDARRAY:
        raise InputError("refused, it holds an array of another class than numpy.ndarray")
    return _Array()


def _scalar(dtype: object, content: object) -> Any:  # noqa: ANN401 - any of numpy's scalars
    if not isinstance(dtype, _Dtype):
        raise InputError("refused, it holds a numpy value of no plain type")
    return dtype.scalar(content)


def _frombuffer(content: object, dtype: object, shape: object, order: object = "C", *_axes: object) -> _Array:
    if not isinstance(dtype, _Dtype) or order not in ("C", "F"):
        raise InputError("refused, it holds an array of no plain type or order")
    array = _Array()
    array.value = dtype.array(content, shape, str(order))
    return array


def _ordered_dict(*arguments: Any) -> dict[Any, Any]:  # noqa: ANN401 - nothing, or pairs
    return dict(*arguments)


def _bytes(*arguments: object) -> bytes:
    """Old pickles write empty bytes as a call of their class."""
    if arguments:
        raise InputError("refused, it makes bytes of something else")
    return b""


def _latin1(text: str, encoding: str) -> bytes:
    """Old pickles write bytes as a call of ``_codecs.encode``; no other encoding has a use here."""
    if encoding != "latin1":
        raise InputError(f"refused, it asks for the encoding {encoding!r}")
    return text.encode("latin1")


STAND_INS: Mapping[tuple[str, str], object] = {
    ("collections", "OrderedDict"): _Call(_ordered_dict),
    ("numpy", "dtype"): _Call(_dtype),
    ("numpy", "ndarray"): _NDARRAY,
    # Their module has another name in each major version of numpy.
    **{
        (f"numpy.{core}.{module}", name): _Call(function)
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "scalar", _scalar),
            ("multiarray", "_reconstruct", _reconstruct),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
    ("_codecs", "encode"): _Call(_latin1),
    ("__builtin__", "bytes"): _Call(_bytes),
}
"""(module, name) in a pickle -> what it gets for it. Ordered dicts become dicts, which are ordered."""


_LEAVES = frozenset((float, int, str, bool, type(None)))
"""Most of what a file holds, passed over quickly."""


def resolved(content: Any) -> Any:  # noqa: ANN401 - what a pickle held
    """Return what was loaded with arrays in place of their stand-ins; containers are changed in place.

    Raises:
        InputError: A stand-in is left that is no value.
        RecursionError: Containers are nested too deeply.
    """
    return _resolve(content, {})


def _resolve(content: Any, done: dict[int, tuple[Any, Any]]) -> Any:  # noqa: ANN401
    kind = type(content)
    if kind is _Array:
        if content.value is None:
            raise InputError("an array has no content")
        return content.value
    if kind in (list, dict, tuple):
        return _container(content, done)
    if isinstance(content, _Inert):
        raise InputError("refused, it holds a numpy type or function as a value")
    return content


def _container(content: Any, done: dict[int, tuple[Any, Any]]) -> Any:  # noqa: ANN401
    """Return a container with what it holds resolved. Keys and sets hold no stand-ins: no hash."""
    # Of shared containers each is visited once; the original is kept, so that its id stays its own.
    if id(content) in done:
        return done[id(content)][1]
    if type(content) is tuple:
        parts = [_resolve(item, done) for item in content]
        changed = any(new is not old for new, old in zip(parts, content, strict=True))
        result = tuple(parts) if changed else content
        done[id(content)] = (content, result)
        return result
    done[id(content)] = (content, content)
    for place, item in content.items() if type(content) is dict else enumerate(content):
        if type(item) in _LEAVES:
            continue
        new = _resolve(item, done)
        if new is not item:
            content[place] = new
    return content

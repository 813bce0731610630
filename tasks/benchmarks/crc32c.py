"""CRC-32C (Castagnoli) of many byte strings at once, with numpy only.

A CRC is linear over GF(2): the register after a message, started at zero, is the exclusive or of
what each part of it contributes, moved on by the bytes that follow. So messages are laid out as
the rows of a matrix, neighbouring columns are combined pairwise, and log2(length) array operations
replace one step per byte. Polynomial and test values: RFC 3720, appendix B.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Registers: TypeAlias = NDArray[np.uint32]

_POLYNOMIAL = np.uint32(0x82F63B78)
"""Of degree 32, the coefficient of x^31 in the lowest bit."""

_ONE, _HALF, _ONES = np.uint32(1), np.uint32(16), np.uint32(0xFFFFFFFF)
_MATRIX_BYTES = 2**20
"""Largest matrix that is worked on at a time, unless a single message is longer."""


def crc32c(messages: Sequence[bytes]) -> Registers:
    """Return the checksum of each message, shape (n,)."""
    lengths = np.array([len(message) for message in messages], dtype=np.int64)
    checksums = np.empty(len(messages), dtype=np.uint32)
    # From short to long, so that rows of about equal length share a matrix and little is padding.
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = len(order)
        while stop > start + 1 and (stop - start) * lengths[order[stop - 1]] > _MATRIX_BYTES:
            stop = start + (stop - start) // 2
        rows = order[start:stop]
        width = int(lengths[rows[-1]]) + 1 & ~1
        # Leading zeros do not change a register that is zero.
        matrix = np.zeros((len(rows), max(width, 2)), dtype=np.uint8)
        for line, row in zip(matrix, rows.tolist(), strict=True):
            message = messages[row]
            line[len(line) - len(message) :] = np.frombuffer(message, dtype=np.uint8)
        checksums[rows] = _registers(matrix)
        start = stop
    sizes, inverse = np.unique(lengths, return_inverse=True)
    # By definition the register starts at all ones and is inverted at the end.
    initial = np.array([_after_zeros(size) for size in sizes.tolist()], dtype=np.uint32)
    return checksums ^ initial[inverse] ^ _ONES


def _registers(matrix: NDArray[np.uint8]) -> Registers:
    """Return the registers after rows of even length, started at zero."""
    # A register takes in two bytes as if they were its own low half, moved on by two bytes.
    columns = _moved(1)[0][matrix.view("<u2")]
    level = 1
    while columns.shape[1] > 1:
        if columns.shape[1] % 2:
            columns = np.pad(columns, ((0, 0), (1, 0)))
        columns = _move(columns[:, 0::2], level) ^ columns[:, 1::2]
        level += 1
    return np.asarray(columns[:, 0], dtype=np.uint32)


def _move(registers: Registers, level: int) -> Registers:
    """Return the registers after 2**level further zero bytes."""
    low, high = _moved(level)
    return np.asarray(low[registers & 0xFFFF] ^ high[registers >> 16], dtype=np.uint32)


@cache
def _moved(level: int) -> tuple[Registers, Registers]:
    """Return what becomes of every low and of every high half in 2**level zero bytes."""
    if level:
        low, high = _moved(level - 1)
        return _move(low, level - 1), _move(high, level - 1)
    halves = np.arange(2**16, dtype=np.uint32)
    return _one_byte(halves), _one_byte(halves << _HALF)


def _one_byte(registers: Registers) -> Registers:
    for _ in range(8):
        registers = (registers >> _ONE) ^ (registers & _ONE) * _POLYNOMIAL
    return registers


@cache
def _after_zeros(length: int) -> int:
    """Return the register after ``length`` zero bytes, started at all ones."""
    register = np.array([_ONES])
    for level in range(length.bit_length()):
        if length >> level & 1:
            register = _move(register, level)
    return int(register[0])

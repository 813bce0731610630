"""Genotypes of DARTS as text: the notation of the published code, and a compact one."""

from __future__ import annotations

import re
from typing import NoReturn

from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import Arch
from tasks.spaces.darts_parts import CELLS, INPUTS, NODES, OPERATIONS, PAIRS

NOTATION = (
    "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=[...], "
    "reduce_concat=[2, 3, 4, 5])"
)
COMPACT = "(((0, 3), ...), ((0, 3), ...))"

_OFFICIAL = re.compile(
    r"Genotype\(normal=\[([^]]*)\],normal_concat=(\[[\d,]*\]|range\(\d+,\d+\)),"
    r"reduce=\[([^]]*)\],reduce_concat=(\[[\d,]*\]|range\(\d+,\d+\))\)"
)
_OFFICIAL_PAIR = re.compile(r"\('(\w+)',(\d+)\)")
_COMPACT = re.compile(r"\(\((\(\d+,\d+\)(?:,\(\d+,\d+\))*)\),\((\(\d+,\d+\)(?:,\(\d+,\d+\))*)\)\)")
_COMPACT_PAIR = re.compile(r"\((\d+),(\d+)\)")
_JOINED = ("[2,3,4,5]", "range(2,6)")
_CELL = ("normal", "reduce")


def parse(text: str) -> Arch:
    """Return 32 codes, the lower predecessor of each node first, whatever the order of the text.

    Raises:
        InputError: Not of one of the two notations, an unknown operation, a predecessor that is not an
            earlier one or that a node has twice, another number of pairs, or an output that does not
            join the nodes 2 to 5.
    """
    if not isinstance(text, str):
        raise InputError(f"darts: an architecture is a string {NOTATION}, got {text!r}")
    dense = "".join(text.split()).replace('"', "'")
    if official := _OFFICIAL.fullmatch(dense):
        cells = [_named_pairs(text, name, official[1 + 2 * i]) for i, name in enumerate(_CELL)]
        for i, name in enumerate(_CELL):
            if official[2 + 2 * i] not in _JOINED:
                _refuse(text, f"{name}_concat is {official[2 + 2 * i]}, must be [2, 3, 4, 5]")
    elif compact := _COMPACT.fullmatch(dense.replace("[", "(").replace("]", ")")):
        cells = [
            [(int(source), int(code)) for source, code in _COMPACT_PAIR.findall(compact[1 + i])]
            for i in range(CELLS)
        ]
    else:
        _refuse(text, "")
    arch: list[int] = []
    for name, pairs in zip(_CELL, cells, strict=True):
        _check(text, name, pairs)
        for first, second in zip(pairs[::2], pairs[1::2], strict=True):
            arch += (*first, *second) if first < second else (*second, *first)
    return tuple(arch)


def write(arch: Arch) -> str:
    """Return the notation of DARTS, as Python prints it."""
    normal, reduction = (
        "[" + ", ".join(f"('{OPERATIONS[code]}', {source})" for source, code in pairs) + "]"
        for pairs in _cells(arch)
    )
    joined = str([node + INPUTS for node in range(NODES)])
    return f"Genotype(normal={normal}, normal_concat={joined}, reduce={reduction}, reduce_concat={joined})"


def write_compact(arch: Arch) -> str:
    """Return the compact notation, pairs of predecessor and code."""
    return str(tuple(tuple(pairs) for pairs in _cells(arch)))


def _cells(arch: Arch) -> list[list[tuple[int, int]]]:
    pairs = list(zip(arch[::2], arch[1::2], strict=True))
    return [pairs[: NODES * PAIRS], pairs[NODES * PAIRS :]]


def _named_pairs(text: str, name: str, content: str) -> list[tuple[int, int]]:
    pairs = _OFFICIAL_PAIR.findall(content)
    if ",".join(f"('{operation}',{source})" for operation, source in pairs) != content:
        _refuse(text, f"{name} must be a list of pairs ('operation', predecessor)")
    for operation, _ in pairs:
        if operation not in OPERATIONS:
            _refuse(text, f"unknown operation {operation!r} in {name}; {did_you_mean(operation, OPERATIONS)}")
    return [(int(source), OPERATIONS.index(operation)) for operation, source in pairs]


def _check(text: str, name: str, pairs: list[tuple[int, int]]) -> None:
    if len(pairs) != NODES * PAIRS:
        _refuse(text, f"{name} has {len(pairs)} pairs, {NODES * PAIRS} are needed")
    for place, (source, code) in enumerate(pairs):
        node = place // PAIRS + INPUTS
        if source >= node:
            _refuse(
                text,
                f"{name} leads from {source} into node {node}, must be from 0 to {node - 1}",
            )
        if code >= len(OPERATIONS):
            _refuse(text, f"{name} has operation {code}, must be 0 to {len(OPERATIONS) - 1}")
        if place % PAIRS and source == pairs[place - 1][0]:
            _refuse(text, f"{name} leads twice from {source} into node {node}; predecessors must differ")


def _refuse(text: str, what: str) -> NoReturn:
    shown = text if len(text) <= 700 else f"{text[:700]}..."
    raise InputError(
        f"darts: architecture {shown!r}: {what}"
        if what
        else f"darts: architecture {shown!r} is not of the form {NOTATION} or {COMPACT}"
    )

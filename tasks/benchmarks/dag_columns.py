"""Cells given as two columns: ``ops``, one label per vertex, and ``adjacency``, 0/1 entries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.benchmarks.columns import Columns, first, is_text, to_array
from tasks.spaces.base import Codes
from tasks.spaces.dag import DagSpace

OPS, ADJACENCY = "ops", "adjacency"

_OPS = "a list of strings, one per vertex, the input first and the output last"
_MATRIX = "the adjacency matrix, n x n entries of 0 or 1 for n vertices, row by row or as n lists"


def read_cells(columns: Columns, name: str) -> tuple[DagSpace, Codes]:
    """Return the space that the cells span, and their codes.

    The vocabulary is what occurs, inner operations sorted; the largest cell gives the vertices.

    Args:
        columns: Needs ``ops`` and ``adjacency``.
        name: Name of the space.

    Raises:
        InputError: A wrong column, naming the row.
    """
    lengths, labels, vocabulary = _read_ops(columns)
    space = DagSpace(name, vocabulary, int(lengths.max()))
    entries, starts = _read_entries(columns, lengths)
    label_starts = np.cumsum(lengths) - lengths
    codes = np.empty((len(columns), space.vertices * (space.vertices + 1) // 2), dtype=np.int16)
    backward: list[tuple[int, int, int]] = []
    for size in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == size)
        matrix = entries[starts[rows, None] + np.arange(size * size)].reshape(-1, size, size)
        wrong = np.argwhere(matrix & np.tri(size, dtype=np.bool_))
        if wrong.size:
            backward.append((int(rows[wrong[0, 0]]), int(wrong[0, 1]), int(wrong[0, 2])))
        codes[rows] = space.pack(matrix, labels[label_starts[rows, None] + np.arange(size)])
    if backward:
        row, i, j = min(backward)
        problem = "an arc from a vertex to itself" if i == j else "an arc backwards, which may close a cycle"
        columns.fail(
            ADJACENCY,
            row,
            f"entry [{i}][{j}] is 1, {problem}; the matrix must be upper triangular: order the vertices so "
            "that every arc goes from a lower to a higher one",
        )
    return space, codes


def _read_ops(columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Return the vertices of each cell, the label codes of all vertices, and the vocabulary."""
    lengths, values = columns.lists(OPS, columns.get(OPS, _OPS), _OPS)
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not is_text(kind):
        columns.fail(OPS, None, f"has type list of {kind}, must be {_OPS}")
    ends = np.cumsum(lengths)
    if values.null_count:
        row, vertex = _locate(first(values.is_null()), ends)
        columns.fail(OPS, row, f"the label of vertex {vertex} is null, must be {_OPS}")
    short = np.flatnonzero(lengths < 2)
    if short.size:
        columns.fail(OPS, int(short[0]), f"has {lengths[short[0]]} vertices; input and output are the least")
    encoded = values.cast(pa.string()).dictionary_encode()
    names: list[str] = encoded.dictionary.to_pylist()
    index = to_array(encoded.indices.cast(pa.int64()))

    outer = {"input": index[ends - lengths], "output": index[ends - 1]}
    for place, labels in outer.items():
        other = np.flatnonzero(labels != labels[0])
        if other.size:
            row = int(other[0])
            columns.fail(
                OPS,
                row,
                f"the {place} is labelled {names[labels[row]]!r}, in row 0 {names[labels[0]]!r}; the first "
                "label (input) and the last (output) must be the same in every row",
            )
    source, sink = int(outer["input"][0]), int(outer["output"][0])
    if source == sink:
        columns.fail(OPS, 0, f"input and output are both labelled {names[source]!r}; they must differ")
    inner = np.ones(len(index), dtype=np.bool_)
    inner[ends - lengths] = inner[ends - 1] = False
    clash = np.flatnonzero(inner & ((index == source) | (index == sink)))
    if clash.size:
        row, vertex = _locate(int(clash[0]), ends)
        columns.fail(
            OPS,
            row,
            f"inner vertex {vertex} is labelled {names[index[clash[0]]]!r}, "
            "which is the label of the input or the output",
        )
    vocabulary = (names[source], *sorted(set(names) - {names[source], names[sink]}), names[sink])
    code_of = np.array([vocabulary.index(name) for name in names])
    return lengths, code_of[index], vocabulary


def _read_entries(
    columns: Columns, vertices: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the entries of all matrices in one array, and where each matrix begins."""
    lengths, values = columns.lists(ADJACENCY, columns.get(ADJACENCY, _MATRIX), _MATRIX)
    if (
        pa.types.is_list(values.type)
        or pa.types.is_large_list(values.type)
        or pa.types.is_fixed_size_list(values.type)
    ):
        ends = np.cumsum(lengths)
        if values.null_count:
            row, i = _locate(first(values.is_null()), ends)
            columns.fail(ADJACENCY, row, f"row {i} of the matrix is null, must be {_MATRIX}")
        tall = np.flatnonzero(lengths != vertices)
        if tall.size:
            row = int(tall[0])
            columns.fail(ADJACENCY, row, _shape(f"{lengths[row]} rows", vertices[row]))
        widths, values = columns.lists(ADJACENCY, values, _MATRIX)
        wide = np.flatnonzero(widths != np.repeat(vertices, lengths))
        if wide.size:
            row, i = _locate(int(wide[0]), ends)
            columns.fail(ADJACENCY, row, _shape(f"{widths[wide[0]]} entries in row {i}", vertices[row]))
    else:
        unequal = np.flatnonzero(lengths != vertices**2)
        if unequal.size:
            row = int(unequal[0])
            columns.fail(ADJACENCY, row, _shape(f"{lengths[row]} entries", vertices[row]))
    ends = np.cumsum(vertices**2)

    def place(position: int) -> tuple[int, str]:
        row, entry = _locate(position, ends)
        i, j = divmod(entry, int(vertices[row]))
        return row, f"entry [{i}][{j}]"

    if values.null_count:
        row, entry = place(first(values.is_null()))
        columns.fail(ADJACENCY, row, f"{entry} is null, must be 0 or 1")
    kind = values.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        columns.fail(ADJACENCY, None, f"has entries of type {kind}, must be {_MATRIX}")
    numbers = to_array(values.cast(pa.uint8()) if pa.types.is_boolean(kind) else values)
    wrong = np.flatnonzero((numbers != 0) & (numbers != 1))
    if wrong.size:
        row, entry = place(int(wrong[0]))
        columns.fail(ADJACENCY, row, f"{entry} is {numbers[wrong[0]]:g}, must be 0 or 1")
    return numbers == 1, ends - vertices**2


def _locate(position: int, ends: NDArray[np.int64]) -> tuple[int, int]:
    """Return the row that an element of concatenated lists belongs to, and its place in the row."""
    row = int(np.searchsorted(ends, position, side="right"))
    return row, position - (int(ends[row - 1]) if row else 0)


def _shape(found: str, vertices: int) -> str:
    return (
        f"has {found}, but 'ops' of this row has {vertices} vertices, so the matrix must be "
        f"{vertices} x {vertices} ({vertices**2} entries row by row, or {vertices} lists of {vertices})"
    )

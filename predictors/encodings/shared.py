"""Encodings of a whole table, made once and read row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from predictors.encodings import encode, encoding_dim, encoding_names
from predictors.encodings.graph import CellGraphs, cell_graphs
from predictors.encodings.sequence import CellSequences, cell_sequences
from predictors.encodings.wl import SubtreeFeatures, subtree_features
from tasks.errors import InputError
from tasks.spaces.base import Codes, RecurrentLayout, SearchSpace
from tasks.spaces.registry import get_space, space_names

GRAPHS = "graphs"
"""Name of ``graph.cell_graphs`` among shared encodings."""

GLOBAL_NODE = "graphs with a global node"
"""Name of ``graph.global_node_graphs``; made from the shared graphs, hence not shared itself."""

SEQUENCES = "token sequences"
"""Name of ``sequence.cell_sequences`` among shared encodings."""

MAX_BYTES = 2**28
"""Larger ones are not shared: each fit then encodes its own architectures. All of NAS-Bench-101 has 147 MiB
of paths and 93 MiB of Weisfeiler-Lehman features, and every node keeps one copy."""

_CHUNK_ENTRIES = 2**22
"""Features that are computed at a time, since zeros and ones take eight times the memory meanwhile."""

_PROBE = 64

Encoded: TypeAlias = NDArray[np.uint8] | CellGraphs | CellSequences | SubtreeFeatures


def subtrees(rounds: int) -> str:
    """Return the name of ``wl.subtree_features`` among shared encodings."""
    return f"subtrees {rounds}"


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Some rows of the encodings of a table.

    Attributes:
        encodings: Name -> encoding of the whole table, as ``encode_all`` returns them.
        rows: Which rows are meant, int64.
    """

    encodings: Mapping[str, Encoded]
    rows: NDArray[np.int64]

    def take(self, rows: slice | NDArray[np.integer[Any]]) -> EncodedRows:
        """Return some of these rows."""
        return EncodedRows(self.encodings, self.rows[rows])

    def get(self, name: str) -> Encoded | None:
        """Return the rows of an encoding; None if it is not shared."""
        whole = self.encodings.get(name)
        if whole is None:
            return None
        return whole[self.rows] if isinstance(whole, np.ndarray) else whole.take(self.rows)


def has_encoding(space: SearchSpace, name: str) -> bool:
    """Tell whether the cells of a space have an encoding; also true of one that is not known here."""
    if name == GLOBAL_NODE:
        return not isinstance(space.layout, RecurrentLayout)
    known = {encoding for other in space_names() for encoding in encoding_names(get_space(other))}
    return name not in known or name in encoding_names(space)


def encode_all(space: SearchSpace, codes: Codes, names: set[str]) -> dict[str, Encoded]:
    """Return encodings of all architectures of a table.

    Left out are those larger than ``MAX_BYTES``, and those that the space has not: it is for the
    predictor to say so when it runs.

    Args:
        space: The search space that the codes belong to.
        codes: Shape (n, code length).
        names: Of ``encoding_names``, ``GRAPHS``, ``SEQUENCES`` and ``subtrees``.

    Returns:
        By name, an array of zeros and ones of type uint8, or what the encoder returns; tokens in the
        smallest type that holds them.
    """
    encodings: dict[str, Encoded] = {}
    for name in sorted(names):
        try:
            few = _encode(name, space, codes[:_PROBE])
        except InputError:
            continue
        if few is not None and _bytes(few) * len(codes) <= MAX_BYTES * min(len(codes), _PROBE):
            whole = _encode(name, space, codes)
            assert whole is not None
            encodings[name] = whole
    return encodings


def _encode(name: str, space: SearchSpace, codes: Codes) -> Encoded | None:
    """Encode; None if the name is not known."""
    if name == GRAPHS:
        return cell_graphs(space, codes)
    if name == SEQUENCES:
        return _sequences(space, codes)
    if name.startswith(subtrees(0)[:-1]):
        return subtree_features(space, codes, int(name.split()[1]))
    if name not in encoding_names(space):
        return None
    chunk = max(1, _CHUNK_ENTRIES // encoding_dim(name, space))
    parts = [
        encode(name, space, codes[start : start + chunk]).astype(np.uint8)
        for start in range(0, max(1, len(codes)), chunk)
    ]
    return np.concatenate(parts)


def _sequences(space: SearchSpace, codes: Codes) -> CellSequences:
    first = cell_sequences(space, codes[:1])
    small = np.min_scalar_type(first.vocabulary)
    chunk = max(1, _CHUNK_ENTRIES // max(1, len(first.possible)))
    parts = [
        cell_sequences(space, codes[start : start + chunk]).tokens.astype(small)
        for start in range(0, max(1, len(codes)), chunk)
    ]
    return CellSequences(np.concatenate(parts), first.possible)


def _bytes(encoded: Encoded) -> int:
    if isinstance(encoded, np.ndarray):
        return encoded.nbytes
    if isinstance(encoded, CellGraphs):
        return encoded.adjacency.nbytes + encoded.labels.nbytes
    if isinstance(encoded, CellSequences):
        return encoded.tokens.nbytes
    return encoded.ids.nbytes + encoded.present.nbytes

"""Architectures as feature arrays, one call for a whole batch.

Every encoding is a pure function of the layout of the codes (operations on edges or on vertices),
so a new search space with a known layout has all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.encodings import adjacency, pairs, path, recurrent
from predictors.encodings.codes import checked_codes
from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import (
    CellPairLayout,
    Codes,
    EdgeLayout,
    RecurrentLayout,
    SearchSpace,
    VertexLayout,
)

__all__ = ["encode", "encoding_dim", "encoding_names"]

_Encoder = Callable[[Any, Codes], NDArray[np.float64]]
_Dimension = Callable[[Any], int]

_ENCODINGS: dict[type, dict[str, tuple[_Encoder, _Dimension]]] = {
    EdgeLayout: {
        "adjacency": (adjacency.encode_edges, adjacency.edge_features),
        "path": (path.encode_edges, path.edge_features),
    },
    VertexLayout: {
        "adjacency": (adjacency.encode_vertices, adjacency.vertex_features),
        "path": (path.encode_vertices, path.vertex_features),
    },
    CellPairLayout: {
        "adjacency": (pairs.encode_adjacency, pairs.adjacency_features),
        "path": (pairs.encode_path, pairs.path_features),
    },
    # Cells with loops through time have no paths from an input to an output that could be listed.
    RecurrentLayout: {"adjacency": (recurrent.encode, recurrent.features)},
}


def encoding_names(space: SearchSpace) -> tuple[str, ...]:
    """Return the names of the encodings that the space has."""
    return tuple(_ENCODINGS.get(type(space.layout), {}))


def encoding_dim(name: str, space: SearchSpace) -> int:
    """Return the number of features of an encoding.

    Raises:
        InputError: The space has no such encoding.
    """
    _, dimension = _lookup(name, space)
    return dimension(space.layout)


def encode(name: str, space: SearchSpace, codes: Codes) -> NDArray[np.float64]:
    """Return the named encoding of every architecture.

    Args:
        name: One of ``encoding_names(space)``.
        space: The search space that the codes belong to.
        codes: Shape (n, code length).

    Returns:
        Zeros and ones, float64, shape (n, ``encoding_dim(name, space)``), C order.

    Raises:
        InputError: The space has no such encoding, or the codes are not of its layout.
    """
    encoder, _ = _lookup(name, space)
    return encoder(space.layout, checked_codes(space, codes))


def _lookup(name: str, space: SearchSpace) -> tuple[_Encoder, _Dimension]:
    known = _ENCODINGS.get(type(space.layout), {})
    if name not in known:
        raise InputError(f"unknown encoding {name!r} for space {space.name}; {did_you_mean(name, known)}")
    return known[name]

"""The module hash of NAS-Bench-101, by which its data files name cells.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019, and the
code released with it: colour refinement with MD5. A vertex begins with the digest of (out-degree,
in-degree, label); in as many rounds as the cell has vertices it takes the digest of the sorted
digests of its predecessors, of its successors, and its own; the hash is the digest of all, sorted.
Equal for isomorphic cells, and different for any two different cells of the space.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

INPUT_LABEL, OUTPUT_LABEL = -1, -2
"""Labels of the first and the last vertex; operations are numbered from 0."""

_Joiner: TypeAlias = Callable[[list[str]], str]
"""Takes the colours of all vertices and joins those of the neighbours, sorted."""


def module_hashes(adjacency: NDArray[np.bool_], labels: NDArray[np.integer]) -> list[str]:
    """Return the hash of each cell, 32 hexadecimal digits.

    Costs about 100 microseconds per cell: nearly all of the 57 digests of a cell are its own, and
    a digest is no array operation. Tables store the hashes, so that reading one computes none.

    Args:
        adjacency: Upper triangular, shape (n, v, v), arcs on paths from input to output only.
        labels: Shape (n, v). Vertices without arcs have no effect.
    """
    known: dict[bytes, _Wiring] = {}
    hashes = []
    for matrix, label in zip(adjacency, labels.tolist(), strict=True):
        # Many cells share a wiring and differ in their operations.
        key = matrix.tobytes()
        if key not in known:
            known[key] = _Wiring(matrix)
        hashes.append(known[key].module_hash(label))
    return hashes


class _Wiring:
    """One adjacency matrix, prepared for hashing many labellings of its vertices."""

    def __init__(self, matrix: NDArray[np.bool_]) -> None:
        live = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
        compact = matrix[np.ix_(live, live)]
        self.live: list[int] = live.tolist()
        self.degrees = list(zip(compact.sum(axis=1).tolist(), compact.sum(axis=0).tolist(), strict=True))
        self.joiners = [(_joiner(compact[:, v]), _joiner(compact[v])) for v in range(len(live))]

    def module_hash(self, labels: list[int]) -> str:
        colours = [
            _hex(str((*degrees, labels[vertex])))
            for vertex, degrees in zip(self.live, self.degrees, strict=True)
        ]
        for _ in self.live:
            colours = [
                _hex(f"{before(colours)}|{after(colours)}|{own}")
                for (before, after), own in zip(self.joiners, colours, strict=True)
            ]
        return _hex(str(sorted(colours)))


def _joiner(mask: NDArray[np.bool_]) -> _Joiner:
    neighbours = np.flatnonzero(mask).tolist()
    if not neighbours:
        return lambda _: ""
    pick: Callable[[list[str]], str] = itemgetter(*neighbours)
    # One neighbour is picked as its colour, several as a tuple of theirs.
    return pick if len(neighbours) == 1 else lambda colours: "".join(sorted(pick(colours)))


def _hex(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()

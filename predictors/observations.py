"""What a predictor sees of some architectures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.encodings import encode
from predictors.encodings.graph import CellGraphs, cell_graphs
from predictors.encodings.shared import GRAPHS, EncodedRows, subtrees
from predictors.encodings.wl import SubtreeFeatures, subtree_features
from predictors.extra import ExtraFeatures
from tasks.spaces.base import Arch, Codes, DatasetInfo, SearchSpace, as_arch


@dataclass(frozen=True, slots=True)
class Observations:
    """Architectures and what is known of them, column by column; all arrays have length n.

    Attributes:
        space: The search space.
        dataset: Data set facts.
        codes: Architectures, shape (n, code length).
        targets: Final validation accuracy in percent, float64; None for query architectures.
        curves: Learning curves cut to the budget: name -> float32 of shape (n, epochs).
        total_epochs: Length of the full training that ``targets`` are measured after; None if unknown.
        encoded: Encodings that were made for the whole table; None, or one that is not among them:
            it is made for these architectures when it is asked for, with the same result.
        extra: Features that models which take them read beside the encoding.
    """

    space: SearchSpace
    dataset: DatasetInfo
    codes: Codes
    targets: NDArray[np.float64] | None = None
    curves: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    total_epochs: int | None = None
    encoded: EncodedRows | None = None
    extra: ExtraFeatures | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def archs(self) -> list[Arch]:
        """The architectures as tuples."""
        return [as_arch(row) for row in self.codes]

    def take(self, rows: slice | NDArray[np.integer[Any]]) -> Observations:
        """Return some of the architectures, in the order of ``rows``."""
        return replace(
            self,
            codes=self.codes[rows],
            targets=None if self.targets is None else self.targets[rows],
            curves={name: curve[rows] for name, curve in self.curves.items()},
            encoded=None if self.encoded is None else self.encoded.take(rows),
            extra=None if self.extra is None else self.extra.take(rows),
        )

    def of_others(self, codes: Codes) -> Observations:
        """Return what can be known of other architectures that were not trained.

        Their extra features are computed. Where that is not possible there must be no architectures.
        """
        extra = self.extra
        if extra is not None:
            extra = (
                extra.take(slice(0, 0))
                if len(codes) == 0 or extra.of_others is None
                else extra.of_others(codes)
            )
        return replace(self, codes=codes, targets=None, curves={}, encoded=None, extra=extra)

    def encode(self, encoding: str) -> NDArray[np.float64]:
        """Return the named encoding of all architectures, shape (n, features), one call.

        Extra features stand before it, or in its place.
        """
        if self.extra is not None and not self.extra.encoding:
            return self.extra.values
        encoded = self._encode(encoding)
        return encoded if self.extra is None else self.extra.beside(encoded)

    def _encode(self, encoding: str) -> NDArray[np.float64]:
        shared = None if self.encoded is None else self.encoded.get(encoding)
        if isinstance(shared, np.ndarray):
            return shared.astype(np.float64)
        return encode(encoding, self.space, self.codes)

    def cell_graphs(self) -> CellGraphs:
        """Return the architectures as graphs, see ``encodings.graph``."""
        shared = None if self.encoded is None else self.encoded.get(GRAPHS)
        return shared if isinstance(shared, CellGraphs) else cell_graphs(self.space, self.codes)

    def subtree_features(self, rounds: int) -> SubtreeFeatures:
        """Return Weisfeiler-Lehman features after 0 to ``rounds`` rounds, see ``encodings.wl``."""
        shared = None if self.encoded is None else self.encoded.get(subtrees(rounds))
        if isinstance(shared, SubtreeFeatures):
            return shared
        return subtree_features(self.space, self.codes, rounds)

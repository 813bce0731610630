"""Sparse Gaussian process with the collapsed bound.

Quinonero-Candela and Rasmussen, "A Unifying View of Sparse Approximate Gaussian Process Regression",
JMLR 2005; the bound is that of Titsias, AISTATS 2009 (``gp_collapsed``).

Differences from NASLib. A correction: inducing points start among the data; there they lie on a line
from (0, ..., 0) to (4.5, ..., 4.5), far from one-hot encodings. Speed: gradients in closed form, many
training sets at once. There is no search range.
"""

from __future__ import annotations

from predictors.model_based.encoded import Floats
from predictors.model_based.gp_collapsed import CollapsedBound
from predictors.model_based.gp_inducing import InducingKernel
from predictors.model_based.gp_sparse import Bound, SparseRegressor


class SparseGaussianProcess(SparseRegressor):
    """Sparse process whose q(u) is the best one for the inducing points, at every step."""

    def _bound(self, kernel: InducingKernel) -> Bound:
        return CollapsedBound(kernel)

    def _start(self, points: int) -> dict[str, Floats]:
        del points
        return {}

"""The formulas of proxies that end in a matrix over the images of the mini-batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from predictors.zero_cost.scoring import UndefinedScoreError

Matrix = NDArray[np.float64]

_K = 1e-5
"""Added within logarithms, as published."""

_MANY_CLASSES = 100


def jacobian_covariance(jacobian: Matrix) -> float:
    """Return the score of Mellor et al., "Neural Architecture Search without Training", 2020 (v1).

    With the eigenvalues v of the correlation matrix of the images' input gradients, it is
    - sum of ln(v + k) + 1 / (v + k), k = 1e-5. It is high if images are told apart.

    Args:
        jacobian: Gradient of the summed outputs for each image, shape (images, pixels).

    Raises:
        UndefinedScoreError: An image has no gradient, or the same in every pixel.
    """
    values = np.clip(np.linalg.eigvalsh(_correlations(jacobian)), 0.0, None) + _K
    return -float(np.sum(np.log(values) + 1.0 / values))


def class_correlations(jacobian: Matrix, labels: NDArray[np.int64], classes: int) -> float:
    """Return the score of Lopes et al., "EPE-NAS", ICANN 2021.

    Each class c with several images gives s_c, the sum of ln(abs(correlation) + 1e-5) over the
    correlation matrix of its images. The score is the sum of abs(s_c); with more than 100 classes
    s_c is divided by the number of images and the score is the mean absolute difference of two.

    Args:
        jacobian: As in ``jacobian_covariance``.
        labels: Class of each image, shape (images,).
        classes: Number of classes of the data set.

    Raises:
        UndefinedScoreError: As there; or the mini-batch has too few images per class.
    """
    sums = []
    for label in np.unique(labels):
        rows = jacobian[labels == label]
        if len(rows) > 1:
            total = float(np.sum(np.log(np.abs(_correlations(rows)) + _K)))
            sums.append(total / len(rows) if classes > _MANY_CLASSES else total)
    if len(sums) < (2 if classes > _MANY_CLASSES else 1):
        raise UndefinedScoreError("the mini-batch has too few images of one class")
    if classes <= _MANY_CLASSES:
        return float(np.sum(np.abs(sums)))
    first, second = np.triu_indices(len(sums), 1)
    return float(np.mean(np.abs(np.array(sums)[first] - np.array(sums)[second])))


def log_determinant(kernel: Matrix) -> float:
    """Return ln abs det of the kernel of activation patterns.

    Mellor et al., "Neural Architecture Search without Training", ICML 2021.

    Raises:
        UndefinedScoreError: The kernel is singular: two images switch the same units on, for example.
    """
    values = np.linalg.eigvalsh(kernel)
    if values[0] <= values[-1] * len(values) * np.finfo(np.float64).eps:
        raise UndefinedScoreError("the kernel of activation patterns is singular")
    return float(np.sum(np.log(values)))


def _correlations(rows: Matrix) -> Matrix:
    if not np.isfinite(rows).all():
        raise UndefinedScoreError("a gradient is not finite")
    centred = rows - rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    # Rounding of a constant row leaves about eps times its size.
    flat = norms[:, 0] <= np.finfo(np.float64).eps * np.linalg.norm(rows, axis=1) * np.sqrt(rows.shape[1])
    if flat.any():
        raise UndefinedScoreError("no gradient reaches the input")
    unit = centred / norms
    product: Matrix = unit @ unit.T
    return product

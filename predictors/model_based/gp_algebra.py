"""Stacks of covariance matrices: factors, solutions and inverses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack

if TYPE_CHECKING:
    import torch

JITTERS = (0.0, 1e-8, 1e-6, 1e-4)
"""Added to the diagonal in turn, as shares of its first entry, until the matrix factorises."""


@dataclass(frozen=True, slots=True)
class Solutions:
    """Of M linear systems with covariance matrices C = signal + (noise + jitter) I.

    Attributes:
        weights: C^-1 targets, shape (M, n).
        log_determinant: ln |C|, shape (M,).
        jitter: What it took, shape (M,).
    """

    weights: torch.Tensor
    log_determinant: torch.Tensor
    jitter: torch.Tensor


def solve(
    signal: torch.Tensor, noise: torch.Tensor, targets: torch.Tensor, inverse: torch.Tensor
) -> Solutions:
    """Solve M systems; leaves one triangle of each C^-1 in ``inverse`` and zeros in the other.

    On the CPU LAPACK works in place, matrix by matrix, which is twice as fast as torch; elsewhere
    torch works on all matrices at once.

    Args:
        signal: Covariance without noise, double precision, shape (M, n, n), C order.
        noise: Noise variances, shape (M,).
        targets: Shape (M, n).
        inverse: Work space like ``signal``.

    Raises:
        numpy.linalg.LinAlgError: No jitter of the ladder is enough for one of them.
    """
    if signal.device.type == "cpu":
        return solve_by_lapack(signal, noise, targets, inverse)
    return solve_by_torch(signal, noise, targets, inverse)


def solve_by_lapack(
    signal: torch.Tensor, noise: torch.Tensor, targets: torch.Tensor, inverse: torch.Tensor
) -> Solutions:
    """As ``solve``, one matrix after the other."""
    import torch

    matrices, right, work = signal.numpy(), targets.numpy(), inverse.numpy()
    weights, log_determinant, jitter = np.empty(right.shape), np.empty(len(right)), np.zeros(len(right))
    for index, (matrix, level) in enumerate(zip(matrices, noise.tolist(), strict=True)):
        for share in JITTERS:
            jitter[index] = share * (matrix[0, 0] + level)
            np.copyto(work[index], matrix)
            work[index].reshape(-1)[:: len(matrix) + 1] += level + jitter[index]
            # The transpose of a matrix in C order is in LAPACK's order.
            factor, info = lapack.dpotrf(work[index].T, lower=1, clean=1, overwrite_a=1)
            diagonal = factor.diagonal()
            if info == 0 and np.isfinite(diagonal).all():
                break
        else:
            raise _not_definite(float(matrix[0, 0]), level, len(matrix))
        weights[index], _ = lapack.dpotrs(factor, right[index], lower=1)
        log_determinant[index] = 2.0 * np.log(diagonal).sum()
        lapack.dpotri(factor, lower=1, overwrite_c=1)
    return Solutions(torch.from_numpy(weights), torch.from_numpy(log_determinant), torch.from_numpy(jitter))


def solve_by_torch(
    signal: torch.Tensor, noise: torch.Tensor, targets: torch.Tensor, inverse: torch.Tensor
) -> Solutions:
    """As ``solve``, all matrices at once."""
    import torch

    first = signal[:, 0, 0]
    jitter, factor = torch.zeros_like(noise), torch.empty_like(signal)
    todo = torch.ones_like(noise, dtype=torch.bool)
    for share in JITTERS:
        jitter = torch.where(todo, share * (first + noise), jitter)
        inverse.copy_(signal)
        inverse.diagonal(dim1=1, dim2=2).add_((noise + jitter)[:, None])
        factor, info = torch.linalg.cholesky_ex(inverse)
        diagonal = factor.diagonal(dim1=1, dim2=2)
        todo = (info != 0) | ~torch.isfinite(diagonal).all(dim=1)
        if not todo.any():
            break
    else:
        index = int(todo.nonzero()[0, 0])
        raise _not_definite(float(first[index]), float(noise[index]), signal.shape[1])
    weights = torch.cholesky_solve(targets[:, :, None], factor)[:, :, 0]
    inverse.copy_(torch.cholesky_inverse(factor).tril())
    return Solutions(weights, 2.0 * diagonal.log().sum(dim=1), jitter)


def _not_definite(variance: float, noise: float, n: int) -> np.linalg.LinAlgError:
    return np.linalg.LinAlgError(
        f"covariance of {n} architectures (variance {variance:.3g}, noise {noise:.3g}) is "
        f"not positive definite, even with {JITTERS[-1]:g} of its diagonal added"
    )

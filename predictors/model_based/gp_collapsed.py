"""The collapsed variational bound of sparse Gaussian processes, with its gradient in closed form.

Titsias, "Variational Learning of Inducing Variables in Sparse Gaussian Processes", AISTATS 2009,
equation 9: log N(y | 0, Q + s I) - tr(K - Q) / (2 s), with Q = Kfu Kuu^-1 Kuf and noise s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from predictors.model_based.gp_inducing import InducingKernel
from predictors.model_based.gp_training import log_prior

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class _Parts:
    """What value, gradient and prediction share; A = L^-1 Kuf / sqrt(s), B = I + A A^T.

    Attributes:
        root: L^-1, with L L^T = Kuu.
        scaled: A, shape (M, m, n).
        system: B, shape (M, m, m).
        inverse: B^-1.
        factor: Inverse Cholesky factor of B.
        solved: B^-1 A y, shape (M, m).
        residual: s (Q + s I)^-1 y, shape (M, n).
        values: Variance, lengthscale and noise, shape (M, 3).
    """

    root: torch.Tensor
    scaled: torch.Tensor
    system: torch.Tensor
    inverse: torch.Tensor
    factor: torch.Tensor
    solved: torch.Tensor
    residual: torch.Tensor
    values: torch.Tensor


class CollapsedBound:
    """Bound on the log marginal likelihood + log priors of variance and lengthscale, for M models.

    Args:
        kernel: Covariances and targets.
    """

    def __init__(self, kernel: InducingKernel) -> None:
        self._kernel = kernel

    def value(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the bounds, shape (M,); parameters as for ``gradient``."""
        parts, kernel = self._parts(parameters), self._kernel
        variance, _, noise = parts.values.unbind(dim=1)
        determinant = kernel.sizes * noise.log() - 2.0 * _diagonal(parts.factor).log().sum(dim=1)
        fit = (kernel.targets * parts.residual).sum(dim=1) / noise
        # tr Q = s tr(A A^T).
        lost = kernel.sizes * variance / noise - (_diagonal(parts.system).sum(dim=1) - kernel.points)
        constant = kernel.sizes * math.log(2.0 * math.pi)
        return -0.5 * (constant + determinant + fit + lost) + log_prior(parameters["logs"])

    def gradient(self, parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the gradient of each model's bound.

        Args:
            parameters: ``logs``: ln variance, ln lengthscale, ln noise, shape (M, 3); ``inducing``:
                inducing points, shape (M, m, features).

        Raises:
            numpy.linalg.LinAlgError: A covariance matrix cannot be factorised.
        """
        import torch

        parts, kernel = self._parts(parameters), self._kernel
        variance, _, noise = parts.values.unbind(dim=1)
        deviation = noise.sqrt()[:, None]
        upper = parts.root.transpose(1, 2)
        # The derivative by Q is 1/2 (a a^T + A^T B^-1 A / s) with a = (Q + s I)^-1 y: the 1/s of
        # the trace cancels that of the inverse. The rest is the chain rule through Kuu and Kuf.
        alpha = parts.residual / noise[:, None]
        seen = torch.bmm(parts.solved[:, None, :], parts.root)[:, 0, :] / deviation
        # Kuu^-1 Kuf a = L^-T B^-1 A y / sqrt(s), and it is half of both outer products.
        change = parts.scaled - torch.bmm(parts.inverse, parts.scaled)
        by_cross = torch.bmm(upper, change).div_(deviation[:, :, None])
        by_cross.addcmul_(seen[:, :, None], alpha[:, None, :])
        middle = parts.system + parts.inverse
        _diagonal(middle).sub_(2.0)
        by_inducing = torch.bmm(torch.bmm(upper, middle), parts.root)
        by_inducing.addcmul_(seen[:, :, None], seen[:, None, :]).mul_(-0.5)
        trace_inverse = kernel.sizes - kernel.points + _diagonal(parts.inverse).sum(dim=1)
        trace_known = _diagonal(parts.system).sum(dim=1) - kernel.points
        by_noise = torch.linalg.vecdot(alpha, parts.residual) - trace_inverse - trace_known
        by_own = -0.5 * kernel.sizes / noise
        by_noise = 0.5 * by_noise - by_own * variance
        return kernel.gradient(parameters, parts.values, by_inducing, by_cross, by_own, by_noise)

    def posterior(self, parameters: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what predicts from covariances k with the inducing points, at the optimal q(u).

        Returns:
            w, shape (M, m), the mean being k w; and R, shape (M, m, m), the variance of the function
            being that of the prior - k R k.
        """
        import torch

        parts = self._parts(parameters)
        upper, deviation = parts.root.transpose(1, 2), parts.values[:, 2].sqrt()[:, None]
        weights = torch.bmm(upper, parts.solved[:, :, None])[:, :, 0] / deviation
        inner = -parts.inverse
        _diagonal(inner).add_(1.0)
        return weights, torch.bmm(torch.bmm(upper, inner), parts.root)

    def _parts(self, parameters: Mapping[str, torch.Tensor]) -> _Parts:
        import torch

        kernel = self._kernel
        root, whitened, values = kernel.whitened(parameters)
        scaled = whitened.mul_(values[:, 2].rsqrt()[:, None, None])
        system = torch.bmm(scaled, scaled.transpose(1, 2))
        _diagonal(system).add_(1.0)
        factor = kernel.inverse_factor(system)
        inverse = torch.bmm(factor.transpose(1, 2), factor)
        projected = torch.bmm(scaled, kernel.targets[:, :, None])
        solved = torch.bmm(inverse, projected)[:, :, 0]
        residual = kernel.targets - torch.bmm(solved[:, None, :], scaled)[:, 0, :]
        return _Parts(root, scaled, system, inverse, factor, solved, residual, values)


def _diagonal(matrices: torch.Tensor) -> torch.Tensor:
    return matrices.diagonal(dim1=1, dim2=2)

"""Covariances of inducing points with each other and with the training architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from predictors.device import tensor_device
from predictors.model_based.gp_training import FAR, Floats, add_prior

if TYPE_CHECKING:
    import torch

JITTER = 1e-5
"""Added to the diagonal of the inducing points' covariance, as a share of the variance."""


class InducingKernel:
    """RBF kernel of M models, each with its own inducing points; m of them, n architectures.

    Smaller training sets, and sets with fewer inducing points, are padded with points that have no
    covariance with any other.

    Args:
        xs: Per model, encoded training architectures, shape (n, features).
        targets: Per model, standardised, shape (n,).
        counts: Per model, the number of inducing points; the others are padding.
        jitter: Share of the variance on the diagonal.
        device: Where to compute; default ``tensor_device``.

    Attributes:
        targets: Shape (M, n), zero in the padding.
        real: One for training architectures, zero for the padding, shape (M, n).
        sizes: Training architectures, shape (M,).
        points: m.
    """

    def __init__(
        self,
        xs: Sequence[Floats],
        targets: Sequence[Floats],
        counts: Sequence[int],
        *,
        jitter: float = JITTER,
        device: str | None = None,
    ) -> None:
        import torch

        device = device or tensor_device()
        models, n, features, self.points = len(xs), max(map(len, xs)), xs[0].shape[1], max(counts)
        m = self.points
        columns, z = np.zeros((models, m + n, features)), np.zeros((models, n))
        away = np.full((models, m + n), FAR)
        for index, (x, y, count) in enumerate(zip(xs, targets, counts, strict=True)):
            columns[index, m : m + len(x)], z[index, : len(y)] = x, y
            away[index, :count] = away[index, m : m + len(x)] = 0.0
        norms = np.einsum("mcd,mcd->mc", columns, columns) + away
        real = np.where(away[:, m:] == 0.0, 1.0, 0.0)
        self._columns, self.targets, self._away, self._norms, self.real = (
            torch.from_numpy(array).to(device) for array in (columns, z, away[:, :m].copy(), norms, real)
        )
        self.sizes = self.real.sum(dim=1)
        self._jitter = jitter
        self._distances = torch.empty((models, m, m + n), dtype=torch.float64, device=device)
        self._kernel = torch.empty_like(self._distances)
        self._eye = torch.eye(m, dtype=torch.float64, device=device).expand(models, m, m)

    def whitened(
        self, parameters: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Evaluate the kernel at ``logs`` (M, 3) and ``inducing`` (M, m, features).

        Returns:
            L^-1, shape (M, m, m), with L L^T the covariance of the inducing points; L^-1 times their
            covariance with the training architectures, shape (M, m, n), zero in the padding; and
            variance, lengthscale and noise, shape (M, 3).

        Raises:
            numpy.linalg.LinAlgError: The covariance cannot be factorised.
        """
        import torch

        inducing, values = parameters["inducing"], parameters["logs"].exp()
        m, distances, kernel = self.points, self._distances, self._kernel
        self._columns[:, :m] = inducing
        norms = torch.linalg.vecdot(inducing, inducing).add_(self._away)
        self._norms[:, :m] = norms
        columns = self._columns.transpose(1, 2)
        torch.baddbmm(self._norms[:, None, :], inducing, columns, alpha=-2.0, out=distances)
        distances.add_(norms[:, :, None]).clamp_min_(0.0)
        distances[:, :, :m].diagonal(dim1=1, dim2=2).zero_()
        torch.mul(distances, values[:, 1].pow(-2).mul(-0.5)[:, None, None], out=kernel)
        kernel.exp_().mul_(values[:, 0, None, None])
        covariance = kernel[:, :, :m].clone()
        covariance.diagonal(dim1=1, dim2=2).add_(values[:, :1] * self._jitter)
        root = self.inverse_factor(covariance)
        return root, torch.bmm(root, kernel[:, :, m:]), values

    def inverse_factor(self, matrices: torch.Tensor) -> torch.Tensor:
        """Return L^-1 of each L L^T; all of shape (M, m, m).

        Raises:
            numpy.linalg.LinAlgError: One of them is not positive definite.
        """
        import torch

        factor, info = torch.linalg.cholesky_ex(matrices)
        if info.any():
            raise np.linalg.LinAlgError(
                f"covariance of {self.points} inducing points is not positive definite, even with "
                f"{self._jitter:g} of its diagonal added"
            )
        inverse: torch.Tensor = torch.linalg.solve_triangular(factor, self._eye, upper=False)
        return inverse

    def gradient(
        self,
        parameters: Mapping[str, torch.Tensor],
        values: torch.Tensor,
        by_inducing: torch.Tensor,
        by_cross: torch.Tensor,
        by_own: torch.Tensor,
        by_noise: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return the gradients by ``logs`` and ``inducing``, priors included.

        Args:
            parameters: As in the last call of ``whitened``.
            values: As it returned them.
            by_inducing: Derivatives by the inducing points' covariance, symmetric, (M, m, m).
            by_cross: By their covariance with the training architectures, (M, m, n).
            by_own: By the prior variance of the training architectures, summed over them, (M,).
            by_noise: By ln noise, (M,).
        """
        import torch

        m, variance = self.points, values[:, 0]
        outer = torch.cat((by_inducing, by_cross), dim=2)
        weighted = outer.mul_(self._kernel)
        jitter = torch.linalg.vecdot(by_inducing.diagonal(dim1=1, dim2=2), variance[:, None])
        by_variance = weighted.sum(dim=(1, 2)) + self._jitter * jitter + by_own * variance
        precision = values[:, 1].pow(-2)
        flat = weighted.flatten(1), self._distances.flatten(1)
        by_lengthscale = torch.linalg.vecdot(*flat) * precision
        logs = torch.stack((by_variance, by_lengthscale, by_noise), dim=1)
        add_prior(logs, parameters["logs"])
        # d k(z, c) / d z = k (c - z) / lengthscale^2; an inducing point is in a row and a column.
        weighted[:, :, :m].mul_(2.0)
        pull = torch.bmm(weighted, self._columns)
        pull.sub_(weighted.sum(dim=2)[:, :, None] * parameters["inducing"]).mul_(precision[:, None, None])
        return {"logs": logs, "inducing": pull}

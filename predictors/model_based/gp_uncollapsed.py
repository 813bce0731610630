"""Objectives of sparse Gaussian processes with an explicit q(u), with gradients in closed form.

Whitened: u = L v with L L^T = Kuu, and q(v) = N(mean, C C^T) against the prior N(0, I). Under q the
function at an architecture has mean f_i and variance v_i. Both objectives subtract KL(q || prior):

* ``elbo``: sum_i E_q[log N(y_i | f, s)], a bound on the log marginal likelihood (Hensman, Fusi and
  Lawrence, "Gaussian Processes for Big Data", UAI 2013, equation 4; Titsias, AISTATS 2009);
* ``predictive``: sum_i log N(y_i | f_i, v_i + s), the score of the targets under what is predicted
  (Jankowiak, Pleiss and Gardner, "Parametric Gaussian Process Regressors", ICML 2020, equation 12).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from predictors.model_based.gp_inducing import InducingKernel
from predictors.model_based.gp_training import log_prior

if TYPE_CHECKING:
    import torch

Score = Literal["predictive", "elbo"]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What value and gradient share; A = L^-1 Kuf.

    Attributes:
        root: L^-1, shape (M, m, m).
        whitened: A, shape (M, m, n).
        factor: C, shape (M, m, m).
        spread: C^T A.
        error: Targets - f, shape (M, n).
        doubt: v, shape (M, n).
        values: Variance, lengthscale and noise, shape (M, 3).
    """

    root: torch.Tensor
    whitened: torch.Tensor
    factor: torch.Tensor
    spread: torch.Tensor
    error: torch.Tensor
    doubt: torch.Tensor
    values: torch.Tensor


class UncollapsedBound:
    """An objective + log priors of variance and lengthscale, for M models.

    Args:
        kernel: Covariances and targets.
        score: Which objective.
    """

    def __init__(self, kernel: InducingKernel, score: Score) -> None:
        self._kernel = kernel
        self._score = score

    def value(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the objectives, shape (M,); parameters as for ``gradient``."""
        parts, kernel, mean = self._parts(parameters), self._kernel, parameters["mean"]
        noise = parts.values[:, 2:]
        if self._score == "predictive":
            total = parts.doubt + noise
            scores = total.log() + parts.error**2 / total
        else:
            scores = noise.log() + (parts.error**2 + parts.doubt) / noise
        likelihood = -0.5 * (kernel.real * (scores + math.log(2.0 * math.pi))).sum(dim=1)
        squares = (parts.factor**2).sum(dim=(1, 2)) + (mean**2).sum(dim=1)
        divergence = 0.5 * (squares - kernel.points) - _diagonal(parameters["spread"]).sum(dim=1)
        return likelihood - divergence + log_prior(parameters["logs"])

    def gradient(self, parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the gradient of each model's objective.

        Args:
            parameters: ``logs``: ln variance, ln lengthscale, ln noise, shape (M, 3); ``inducing``:
                inducing points, shape (M, m, features); ``mean`` of q(v), shape (M, m);
                ``spread``: C with logarithms on its diagonal (what is above it has no effect),
                shape (M, m, m).

        Raises:
            numpy.linalg.LinAlgError: A covariance matrix cannot be factorised.
        """
        import torch

        parts, kernel, mean = self._parts(parameters), self._kernel, parameters["mean"]
        whitened, factor, upper = parts.whitened, parts.factor, parts.root.transpose(1, 2)
        by_f, by_v, by_noise = self._by_prediction(parts)
        # v_i contains - |a_i|^2 + |C^T a_i|^2, and f_i = mean a_i.
        by_whitened = torch.baddbmm(whitened, factor, parts.spread, alpha=-1.0)
        by_whitened.mul_(-2.0 * by_v[:, None, :]).addcmul_(mean[:, :, None], by_f[:, None, :])
        # Through the Cholesky factor L (Murray, "Differentiation of the Cholesky decomposition",
        # 2016, equation 10): what is left of its derivative is minus that by A times A^T.
        inner = torch.bmm(by_whitened, whitened.transpose(1, 2)).neg_().tril_()
        _diagonal(inner).mul_(0.5)
        by_inducing = torch.bmm(torch.bmm(upper, inner), parts.root)
        by_inducing = (by_inducing + by_inducing.transpose(1, 2)).mul_(0.5)
        by_cross = torch.bmm(upper, by_whitened)
        by_own = by_v.sum(dim=1)
        gradients = kernel.gradient(parameters, parts.values, by_inducing, by_cross, by_own, by_noise)
        by_mean = torch.bmm(by_f[:, None, :], whitened.transpose(1, 2))[:, 0, :].sub_(mean)
        by_factor = torch.bmm(whitened * (2.0 * by_v[:, None, :]), parts.spread.transpose(1, 2))
        by_factor.sub_(factor).tril_()
        # On the diagonal the parameter is ln C_ii, which the divergence contains as it is.
        _diagonal(by_factor).mul_(_diagonal(factor)).add_(1.0)
        return {**gradients, "mean": by_mean, "spread": by_factor}

    def posterior(self, parameters: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what predicts from covariances k with the inducing points.

        Returns:
            w, shape (M, m), the mean being k w; and R, shape (M, m, m), the variance of the function
            being that of the prior - k R k.
        """
        import torch

        root, _, _ = self._kernel.whitened(parameters)
        factor = spread_factor(parameters["spread"])
        inner = torch.bmm(factor, factor.transpose(1, 2)).neg_()
        _diagonal(inner).add_(1.0)
        weights = torch.bmm(parameters["mean"][:, None, :], root)[:, 0, :]
        return weights, torch.bmm(torch.bmm(root.transpose(1, 2), inner), root)

    def _parts(self, parameters: Mapping[str, torch.Tensor]) -> _Parts:
        import torch

        root, whitened, values = self._kernel.whitened(parameters)
        factor = spread_factor(parameters["spread"])
        spread = torch.bmm(factor.transpose(1, 2), whitened)
        error = self._kernel.targets - torch.bmm(parameters["mean"][:, None, :], whitened)[:, 0, :]
        doubt = (spread.square() - whitened.square()).sum(dim=1).add_(values[:, :1])
        return _Parts(root, whitened, factor, spread, error, doubt, values)

    def _by_prediction(self, parts: _Parts) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the derivatives by f and v, shape (M, n), zero in the padding; and by ln s, (M,)."""
        noise, real = parts.values[:, 2:], self._kernel.real
        if self._score == "predictive":
            precision = (parts.doubt + noise).reciprocal_()
            by_f = parts.error * precision
            by_v = by_f.square().sub_(precision).mul_(0.5).mul_(real)
            return by_f, by_v, noise[:, 0] * by_v.sum(dim=1)
        squares = ((parts.error.square() + parts.doubt) * real).sum(dim=1)
        by_noise = 0.5 * (squares / noise[:, 0] - self._kernel.sizes)
        return parts.error / noise, real * (-0.5 / noise), by_noise


def spread_factor(spread: torch.Tensor) -> torch.Tensor:
    """Return C: the part below the diagonal as it is, the exponential of the diagonal."""
    factor = spread.tril()
    _diagonal(factor).exp_()
    return factor


def _diagonal(matrices: torch.Tensor) -> torch.Tensor:
    return matrices.diagonal(dim1=1, dim2=2)

"""Proxies from the gradient of the cross-entropy with respect to the weights.

Sums run over the weights w of all convolutions and linear layers, g is the gradient with respect to
them. Settings are those of Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from predictors.zero_cost.scoring import Proxy

Weights = Sequence[Tensor]


def snip(w: Weights, g: Weights) -> Tensor:
    """Sum of abs(w g): Lee, Ajanthan and Torr, "SNIP", ICLR 2019."""
    return _total((v * d).abs().sum() for v, d in zip(w, g, strict=True))


def plain(w: Weights, g: Weights) -> Tensor:
    """Sum of w g, signed: Mozer and Smolensky, "Skeletonization", NeurIPS 1989."""
    return _total((v * d).sum() for v, d in zip(w, g, strict=True))


def grad_norm(_w: Weights, g: Weights) -> Tensor:
    """Sum over the layers of the Euclidean norm of g."""
    return _total(d.norm() for d in g)


FROM_GRADIENT: dict[Proxy, Callable[[Weights, Weights], Tensor]] = {
    "snip": snip,
    "plain": plain,
    "grad_norm": grad_norm,
}


def l2_norm(w: Weights) -> Tensor:
    """Sum over the layers of the Euclidean norm of w."""
    return _total(v.norm() for v in w)


def grasp(w: list[nn.Parameter], g: list[Tensor], *, keep_graph: bool = False) -> Tensor:
    """Return - sum of w (H g), H the Hessian: Wang, Zhang and Grosse, "GraSP", ICLR 2020.

    Args:
        w: The weights.
        g: Their gradients, with the graph that they were computed by.
        keep_graph: Whether another backward pass follows.
    """
    squares = [(d.detach() * d).sum() for d in g if d.requires_grad]
    if not squares:  # no weight has any influence: H = 0
        return torch.zeros((), dtype=torch.float64)
    inner = torch.stack(squares).sum()
    products = torch.autograd.grad(inner, w, allow_unused=True, retain_graph=keep_graph)
    return -_total((v.detach() * h).sum() for v, h in zip(w, products, strict=True) if h is not None)


class FisherInformation:
    """Fisher information of the channels of all convolutions and linear layers.

    For channel c it is F_c, half the mean over the images of (sum over positions of activation times
    gradient)^2: Theis et al., "Faster Gaze Prediction with Dense Networks and Fisher Pruning", 2018;
    Turner et al., "BlockSwap", ICLR 2020. The score is the sum over all channels of F_c times the number
    of weights of the channel, a factor that the published scores have.
    """

    def __init__(self) -> None:
        self._sums: list[Tensor] = []
        self._open = True

    def see(self, layer: nn.Module, output: Tensor) -> None:
        """Take in the output of a layer in a forward pass, shape (images, channels, ...)."""
        if not output.requires_grad:
            return
        weight = layer.weight
        per_channel = weight[0].numel() if isinstance(weight, Tensor) else 0
        values = output.detach()

        @torch.no_grad()
        def receive(gradient: Tensor) -> None:
            if not self._open:
                return
            inner = values * gradient.detach()
            if inner.ndim > 2:
                inner = inner.flatten(2).sum(dim=2)
            self._sums.append(inner.double().square().mean(dim=0).sum() * (0.5 * per_channel))

        output.register_hook(receive)  # type: ignore[no-untyped-call]

    def seal(self) -> float:
        """Return the score after the backward pass; gradients of later passes do not count."""
        self._open = False
        return float(_total(self._sums))


def _total(parts: Iterable[Tensor]) -> Tensor:
    found = [part.detach().double() for part in parts]
    return torch.stack(found).sum() if found else torch.zeros((), dtype=torch.float64)

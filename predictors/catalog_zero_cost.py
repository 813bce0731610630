"""The zero-cost predictors that come with naspred. Plain data, as in ``predictors.catalog``."""

from __future__ import annotations

from predictors.base import PredictorInfo

_SPACES = frozenset({"nasbench201", "nasbench101", "darts"})


def _proxy(name: str, kind: str, cost_s: float, summary: str, reference: str) -> PredictorInfo:
    return PredictorInfo(
        name=name,
        target=f"predictors.zero_cost.proxies:{kind}",
        family="zero_cost",
        needs=frozenset({"images"}),
        spaces=_SPACES,
        deterministic=True,
        undefined=True,
        resident=True,
        gpu=True,
        packages=("torch",),
        cost_s=cost_s,
        cost_growth=0.0,
        summary=summary,
        reference=reference,
    )


# Costs are those of 200 scores on the embedded tables of digits, a first task; later ones find some in the
# store. Larger images take several times as long.
ZERO_COST: tuple[PredictorInfo, ...] = (
    _proxy(
        "fisher",
        "Fisher",
        7.8,
        "Fisher information of the channels of the untrained network",
        "Turner et al., BlockSwap, ICLR 2020",
    ),
    _proxy(
        "grad_norm",
        "GradNorm",
        7.8,
        "Norm of the loss gradient of the untrained network",
        "Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
    ),
    _proxy(
        "grasp",
        "GraSP",
        20.0,
        "Preservation of the gradient flow, by the Hessian of the untrained network",
        "Wang, Zhang and Grosse, GraSP, ICLR 2020",
    ),
    _proxy(
        "jacov",
        "JacobianCovariance",
        6.3,
        "Covariance of the input gradients of different images",
        "Mellor et al., Neural Architecture Search without Training, arXiv 2006.04647v1, 2020",
    ),
    _proxy(
        "snip",
        "SNIP",
        7.8,
        "Sensitivity of the loss to the removal of connections",
        "Lee, Ajanthan and Torr, SNIP, ICLR 2019",
    ),
    _proxy(
        "synflow",
        "SynFlow",
        7.5,
        "Logarithm of the synaptic flow; uses no images",
        "Tanaka et al., Pruning Neural Networks without Any Data, NeurIPS 2020",
    ),
    _proxy(
        "nwot",
        "NWOT",
        7.0,
        "Log-determinant of the kernel of activation patterns",
        "Mellor et al., Neural Architecture Search without Training, ICML 2021",
    ),
    _proxy(
        "zen",
        "Zen",
        14.0,
        "Sensitivity of Gaussian-weighted features to noise",
        "Lin et al., Zen-NAS, ICCV 2021",
    ),
    _proxy(
        "epe_nas",
        "EPENAS",
        7.0,
        "Correlation of input gradients within each class",
        "Lopes, Alirezazadeh and Alexandre, EPE-NAS, ICANN 2021",
    ),
    _proxy(
        "plain",
        "Plain",
        8.8,
        "Sum of weight times gradient, signed",
        "Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
    ),
    _proxy(
        "l2_norm",
        "L2Norm",
        2.2,
        "Norm of the initial weights",
        "Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
    ),
)

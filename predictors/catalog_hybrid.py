"""The predictors on features of several kinds that come with naspred, as in ``catalog``."""

from __future__ import annotations

from predictors.base import Need, PredictorInfo

_STUDY = "White et al., How Powerful are Performance Predictors in NAS?, NeurIPS 2021"
_SPACES = frozenset({"nasbench201", "nasbench101", "darts"})
_LOSS = ("train_loss",)


def _omni(
    name: str,
    kind: str,
    summary: str,
    *,
    images: bool,
    curves: bool,
    uncertainty: bool,
    packages: tuple[str, ...],
    cost_s: float,
    cost_growth: float,
) -> PredictorInfo:
    needs: set[Need] = {"labels"}
    if images:
        needs.add("images")
    if curves:
        needs.add("curves")
    return PredictorInfo(
        name=name,
        target=f"predictors.hybrid.{kind}",
        family="hybrid",
        needs=frozenset(needs),
        spaces=_SPACES if images else None,
        percent=True,
        uncertainty=uncertainty,
        curves=_LOSS if curves else (),
        packages=(*packages, "torch") if images and "torch" not in packages else packages,
        cost_s=cost_s,
        cost_growth=cost_growth,
        summary=summary,
        reference=_STUDY,
    )


_NGB = ("ngboost", "sklearn.tree")

HYBRID: tuple[PredictorInfo, ...] = (
    _omni(
        "omni",
        "omni:Omni",
        "Any features into any model-based predictor; the needs are those of the features",
        images=True,
        curves=True,
        uncertainty=True,
        packages=_NGB,
        cost_s=0.2,
        cost_growth=0.5,
    ),
    _omni(
        "omni_ngb",
        "omni_ngb:OmniNGB",
        "NGBoost on encoding, Jacobian covariance and training loss (OMNI)",
        images=True,
        curves=True,
        uncertainty=True,
        packages=_NGB,
        cost_s=5.0,
        cost_growth=0.75,
    ),
    _omni(
        "omni_ngb_no_lce",
        "omni_ngb:OmniNGBWithoutCurves",
        "OMNI without training loss: NGBoost on encoding and Jacobian covariance",
        images=True,
        curves=False,
        uncertainty=True,
        packages=_NGB,
        cost_s=5.0,
        cost_growth=0.75,
    ),
    _omni(
        "omni_ngb_no_zerocost",
        "omni_ngb:OmniNGBWithoutProxies",
        "OMNI without a zero-cost proxy: NGBoost on encoding and training loss",
        images=False,
        curves=True,
        uncertainty=True,
        packages=_NGB,
        cost_s=5.0,
        cost_growth=0.75,
    ),
    _omni(
        "omni_ngb_no_encoding",
        "omni_ngb:OmniNGBWithoutEncoding",
        "OMNI without the encoding: NGBoost on Jacobian covariance and training loss",
        images=True,
        curves=True,
        uncertainty=True,
        packages=_NGB,
        cost_s=5.0,
        cost_growth=0.75,
    ),
    _omni(
        "omni_seminas",
        "omni_seminas:OmniSemiNas",
        "SemiNAS with tokens for Jacobian covariance and training loss (OMNI)",
        images=True,
        curves=True,
        uncertainty=False,
        packages=("torch",),
        cost_s=2.0,
        cost_growth=1.0,
    ),
    _omni(
        "omni_seminas_no_lce",
        "omni_seminas:OmniSemiNasWithoutCurves",
        "SemiNAS with tokens for Jacobian covariance",
        images=True,
        curves=False,
        uncertainty=False,
        packages=("torch",),
        cost_s=2.0,
        cost_growth=1.0,
    ),
)

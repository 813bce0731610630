"""The weight-sharing predictors that come with naspred. Plain data, as in ``predictors.catalog``."""

from __future__ import annotations

from predictors.base import PredictorInfo


def _supernet(name: str, kind: str, cost_s: float, summary: str, reference: str) -> PredictorInfo:
    return PredictorInfo(
        name=name,
        target=f"predictors.weight_sharing.predictors:{kind}",
        family="weight_sharing",
        needs=frozenset({"images", "supernet"}),
        spaces=frozenset({"nasbench201", "darts"}),
        resident=True,
        gpu=True,
        packages=("torch",),
        cost_s=cost_s,
        cost_growth=0.0,
        summary=summary,
        reference=reference,
    )


WEIGHT_SHARING: tuple[PredictorInfo, ...] = (
    _supernet(
        "oneshot",
        "OneShot",
        180.0,
        "Accuracy with the weights of a supernet, trained with all operations at once",
        "Bender et al., Understanding and Simplifying One-Shot Architecture Search, ICML 2018",
    ),
    _supernet(
        "rsws",
        "RandomSharing",
        130.0,
        "Accuracy with the weights of a supernet, trained along single random paths",
        "Li and Talwalkar, Random Search and Reproducibility for Neural Architecture Search, UAI 2019",
    ),
)

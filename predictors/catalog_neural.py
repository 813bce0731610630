"""The neural predictors that come with naspred, as in ``catalog``."""

from __future__ import annotations

from predictors.base import PredictorInfo

NEURAL: tuple[PredictorInfo, ...] = (
    PredictorInfo(
        name="mlp",
        target="predictors.model_based.mlp:Mlp",
        family="model_based",
        needs=frozenset({"labels"}),
        percent=True,
        packages=("torch",),
        cost_s=0.6,
        summary="Deep feed-forward network on the adjacency encoding",
        reference="White, Neiswanger and Savani, BANANAS, AAAI 2021",
    ),
    PredictorInfo(
        name="bananas",
        target="predictors.model_based.bananas:Bananas",
        family="model_based",
        needs=frozenset({"labels"}),
        percent=True,
        uncertainty=True,
        packages=("torch",),
        cost_s=1.0,
        summary="Ensemble of feed-forward networks on the path encoding",
        reference="White, Neiswanger and Savani, BANANAS, AAAI 2021",
    ),
    PredictorInfo(
        name="gcn",
        target="predictors.model_based.gcn:Gcn",
        family="model_based",
        needs=frozenset({"labels"}),
        percent=True,
        packages=("torch",),
        cost_s=0.4,
        summary="Graph convolutional network (neural predictor)",
        reference="Wen et al., Neural Predictor for Neural Architecture Search, ECCV 2020",
    ),
    PredictorInfo(
        name="bonas",
        target="predictors.model_based.bonas:Bonas",
        family="model_based",
        needs=frozenset({"labels"}),
        percent=True,
        packages=("torch",),
        cost_s=0.2,
        summary="Graph convolutional network with a global node",
        reference="Shi et al., BONAS, NeurIPS 2020",
    ),
    PredictorInfo(
        name="dngo",
        target="predictors.model_based.dngo:Dngo",
        family="model_based",
        needs=frozenset({"labels"}),
        percent=True,
        uncertainty=True,
        packages=("torch",),
        cost_s=0.15,
        summary="Bayesian linear regression on the last layer of a network",
        reference="Snoek et al., Scalable Bayesian Optimization Using Deep Neural Networks, ICML 2015",
    ),
)

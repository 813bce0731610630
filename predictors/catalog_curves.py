"""The learning-curve and hybrid predictors that come with naspred, as in ``catalog``."""

from __future__ import annotations

from predictors.base import PredictorInfo

_RU = "Ru et al., Speedy Performance Estimation for Neural Architecture Search, NeurIPS 2021"

CURVES: tuple[PredictorInfo, ...] = (
    PredictorInfo(
        name="valacc",
        target="predictors.learning_curve.early_stop:ValidationAccuracy",
        family="learning_curve",
        needs=frozenset({"curves"}),
        curves=("val_acc_curve",),
        percent=True,
        deterministic=True,
        cost_s=0.001,
        summary="Early stopping: validation accuracy of the last epoch seen",
        reference="White et al., How Powerful are Performance Predictors in NAS?, NeurIPS 2021",
    ),
    PredictorInfo(
        name="valloss",
        target="predictors.learning_curve.early_stop:ValidationLoss",
        family="learning_curve",
        needs=frozenset({"curves"}),
        curves=("val_loss",),
        deterministic=True,
        cost_s=0.001,
        summary="Early stopping: validation loss of the last epoch seen",
        reference="White et al., How Powerful are Performance Predictors in NAS?, NeurIPS 2021",
    ),
    PredictorInfo(
        name="sotl",
        target="predictors.learning_curve.sotl:SumOfTrainingLosses",
        family="learning_curve",
        needs=frozenset({"curves"}),
        curves=("train_loss",),
        deterministic=True,
        cost_s=0.001,
        summary="Sum of training losses (SoTL)",
        reference=_RU,
    ),
    PredictorInfo(
        name="sotle",
        target="predictors.learning_curve.sotl:LastTrainingLosses",
        family="learning_curve",
        needs=frozenset({"curves"}),
        curves=("train_loss",),
        deterministic=True,
        cost_s=0.001,
        summary="Training loss of the last epoch seen (SoTL-E)",
        reference=_RU,
    ),
    PredictorInfo(
        name="sotlema",
        target="predictors.learning_curve.sotl:MovingTrainingLosses",
        family="learning_curve",
        needs=frozenset({"curves"}),
        curves=("train_loss",),
        deterministic=True,
        cost_s=0.001,
        summary="Sum of averaged training losses (SoTL-EMA)",
        reference=_RU,
    ),
)

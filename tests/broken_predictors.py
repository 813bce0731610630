"""A sound predictor, and ones that are broken in the way that one of the checks looks for."""

from dataclasses import replace
from typing import Annotated

import numpy as np

from predictors.base import Predictor, PredictorInfo
from predictors.curves import curve
from predictors.parameters import Range


def info(**tags):
    standard = {
        "name": "sound",
        "target": "",
        "family": "baseline",
        "needs": frozenset({"labels"}),
        "percent": True,
        "deterministic": True,
        "uncertainty": True,
        "summary": "Ridge regression",
    }
    return PredictorInfo(**{**standard, **tags})


class Sound(Predictor):
    """Ridge regression on the one-hot encoding."""

    info = info()

    def __init__(self, *, penalty: Annotated[float, Range(0.01, 100)] = 1.0, seed: int = 0):
        self.penalty = penalty
        self.seed = seed

    def _fit(self, train):
        x = train.encode("adjacency")
        # The first one, so that equal targets leave nothing to be explained.
        self.shift_ = float(train.targets[0])
        gram = x.T @ x + self.penalty * np.eye(x.shape[1])
        self.weights_ = np.linalg.solve(gram, x.T @ (train.targets - self.shift_))

    def _predict(self, query):
        return self.shift_ + np.einsum("nd,d->n", query.encode("adjacency"), self.weights_)

    def predict_distribution(self, query):
        mean = self.predict(query)
        return mean, np.ones(len(mean))


class WrongInfo(Sound):
    info = info(needs=frozenset(), summary="")


class WorksInConstructor(Sound):
    def __init__(self, *, penalty: Annotated[float, Range(0.01, 100)] = 1.0, seed: int = 0):
        super().__init__(penalty=penalty, seed=seed)
        self.table = np.zeros(3)


class ChangesParameters(Sound):
    def get_params(self):
        return {**super().get_params(), "penalty": self.penalty * 2}


class UndeclaredParameter(Sound):
    def __init__(self, *, penalty=1.0, seed: int = 0):
        self.penalty = penalty
        self.seed = seed


class ConstantScores(Sound):
    def _predict(self, query):
        return np.full(len(query), 70.0)


class RandomScores(Sound):
    def _predict(self, query):
        return super()._predict(query) + np.random.default_rng().normal(size=len(query))


class SmallSeedsOnly(Sound):
    def _fit(self, train):
        super()._fit(train)
        self.weights_ = self.weights_ + (np.nan if np.uint32(self.seed) > 2**31 else 0)


class GlobalRandom(Sound):
    def _fit(self, train):
        super()._fit(train)
        np.random.rand()  # noqa: NPY002 - that is what is wrong with it


class SortsInPlace(Sound):
    def _fit(self, train):
        super()._fit(train)
        train.targets.sort()


class NeedsWritable(Sound):
    def _predict(self, query):
        assert query.codes.flags.writeable
        return super()._predict(query)


class DependsOnOrder(Sound):
    def _predict(self, query):
        return super()._predict(query) + np.arange(len(query))


class DependsOnBatch(Sound):
    def _predict(self, query):
        scores = super()._predict(query)
        return scores - scores.mean() if len(scores) else scores


class BreaksTies(Sound):
    def _predict(self, query):
        scores = super()._predict(query)
        return scores + 1e-12 * np.arange(len(query))


class NoEmptyQuery(Sound):
    def _predict(self, query):
        scores = super()._predict(query)
        return scores + 0 * scores.max()


class CountsQueries(Sound):
    def _fit(self, train):
        super()._fit(train)
        self.calls_ = 0

    def _predict(self, query):
        self.calls_ += 1
        return super()._predict(query) + self.calls_


class LosesState(Sound):
    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "weights_"}

    def _predict(self, query):
        if not hasattr(self, "weights_"):
            return np.zeros(len(query))
        return super()._predict(query)


class OtherMean(Sound):
    def predict_distribution(self, query):
        mean, std = super().predict_distribution(query)
        return mean + 1, std


class NoRefusalOfUncertainty(Sound):
    info = info(uncertainty=False)


class PredictsUnfitted(Sound):
    @property
    def is_fitted(self):
        return True

    def _predict(self, query):
        return np.arange(len(query)) if not hasattr(self, "weights_") else super()._predict(query)


class ReturnsNothing(Sound):
    def fit(self, train):
        super().fit(train)


class TenPoints(Sound):
    def _fit(self, train):
        super()._fit(train)
        if len(train) < 10:
            self.weights_ = 0 * self.weights_


class TwoPoints(Sound):
    def _fit(self, train):
        super()._fit(train)
        self.weights_ = self.weights_ + (np.nan if len(train) < 2 else 0)


class NoDuplicates(Sound):
    def _fit(self, train):
        super()._fit(train)
        if len(np.unique(train.codes, axis=0)) < len(train):
            self.weights_ = np.full_like(self.weights_, np.nan)


class DividesBySpread(Sound):
    def _fit(self, train):
        super()._fit(train)
        with np.errstate(invalid="ignore"):
            self.weights_ = self.weights_ * np.ptp(train.targets) / np.ptp(train.targets)


class AcceptsNaN(Sound):
    def fit(self, train):
        self._fit(replace(train, targets=np.nan_to_num(train.targets)))
        return self


class LowerIsBetter(Sound):
    def _predict(self, query):
        return -super()._predict(query)


class NotPercent(Sound):
    def _predict(self, query):
        return super()._predict(query) / 100


class Remembers(Sound):
    def _fit(self, train):
        before = getattr(self, "weights_", 0.0)
        super()._fit(train)
        self.weights_ = self.weights_ + before


class MixesUp(Sound):
    @classmethod
    def fit_many(cls, predictors, trains):
        for predictor, train in zip(predictors, reversed(trains), strict=True):
            predictor.fit(train)


class IgnoresParameter(Sound):
    def _fit(self, train):
        penalty, self.penalty = self.penalty, 1.0
        super()._fit(train)
        self.penalty = penalty


class Overflows(Sound):
    def _fit(self, train):
        super()._fit(train)
        np.exp(np.float64(1e4))


class SoundCurve(Predictor):
    """Mean of the last epochs of the validation accuracy."""

    info = info(needs=frozenset({"curves"}), curves=("val_acc_curve",), uncertainty=False)

    def __init__(self, *, last: Annotated[int, Range(1)] = 2, seed: int = 0):
        self.last = last
        self.seed = seed

    @property
    def is_fitted(self):
        return True

    def _fit(self, train):
        pass

    def _predict(self, query):
        return curve(query, "val_acc_curve")[:, -self.last :].mean(axis=1)


class LossAsScore(SoundCurve):
    def _predict(self, query):
        return 100 - super()._predict(query)


class TwoEpochs(SoundCurve):
    def _predict(self, query):
        return super()._predict(query) * min(query.curves["val_acc_curve"].shape[1] - 1, 1)


class DividesByRise(SoundCurve):
    def _predict(self, query):
        values = curve(query, "val_acc_curve")
        with np.errstate(invalid="ignore"):
            return values[:, -1] * np.ptp(values, axis=1) / np.ptp(values, axis=1)


class ReadsMemory(SoundCurve):
    def _predict(self, query):
        return query.curves["val_acc_curve"].ravel(order="K")[: len(query)].astype(float)


class FirstCurve(SoundCurve):
    def _predict(self, query):
        first = next(iter(query.curves.values()))
        return super()._predict(query) + first[:, 0]


class ReadsAnotherCurve(SoundCurve):
    def _predict(self, query):
        return super()._predict(query) + curve(query, "train_acc_curve")[:, 0]


class ZerosForNoCurve(SoundCurve):
    def _predict(self, query):
        return super()._predict(query) if query.curves else np.zeros(len(query))


class HidesNaN(SoundCurve):
    def _predict(self, query):
        filled = {name: np.nan_to_num(values) for name, values in query.curves.items()}
        return super()._predict(replace(query, curves=filled))


class IgnoresLast(SoundCurve):
    def _predict(self, query):
        return curve(query, "val_acc_curve")[:, -1]


class TakesLogarithm(SoundCurve):
    def _predict(self, query):
        return np.log(super()._predict(query))

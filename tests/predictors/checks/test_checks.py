"""Every check passes a sound predictor and fails one that is broken in the way it looks for."""

from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest

from predictors import checks, registry
from predictors.base import Predictor, PredictorInfo
from predictors.checks import curves, general, labels
from predictors.curves import curve
from predictors.parameters import Range
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE, DATASET = NasBench201(), DatasetInfo("cifar10", 10, 32)


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


BROKEN = [
    (general.check_info, WrongInfo),
    (general.check_constructor_only_stores, WorksInConstructor),
    (general.check_get_params_round_trip, ChangesParameters),
    (general.check_parameters_declared, UndeclaredParameter),
    (general.check_output, ConstantScores),
    (general.check_deterministic, RandomScores),
    (general.check_largest_seed, SmallSeedsOnly),
    (general.check_global_state_untouched, GlobalRandom),
    (general.check_inputs_untouched, SortsInPlace),
    (general.check_inputs_untouched, NeedsWritable),
    (general.check_query_order, DependsOnOrder),
    (general.check_query_batches, DependsOnBatch),
    (general.check_equal_queries_tie, BreaksTies),
    (general.check_empty_query, NoEmptyQuery),
    (general.check_predict_twice, CountsQueries),
    (general.check_pickles, LosesState),
    (general.check_distribution, OtherMean),
    (general.check_distribution, NoRefusalOfUncertainty),
    (labels.check_before_fit, PredictsUnfitted),
    (labels.check_fit_returns_self, ReturnsNothing),
    (labels.check_five_points, TenPoints),
    (labels.check_one_point, TwoPoints),
    (labels.check_duplicate_rows, NoDuplicates),
    (labels.check_constant_targets, DividesBySpread),
    (labels.check_refuses_bad_targets, AcceptsNaN),
    (labels.check_direction, LowerIsBetter),
    (labels.check_percent, NotPercent),
    (labels.check_refit, Remembers),
    (labels.check_fit_many, MixesUp),
    (labels.check_parameters_matter, IgnoresParameter),
    (labels.check_no_numerical_warnings, Overflows),
    (curves.check_curve_direction, LossAsScore),
    (curves.check_curve_one_epoch, TwoEpochs),
    (curves.check_curve_constant, DividesByRise),
    (curves.check_curve_memory_layout, ReadsMemory),
    (curves.check_curve_names_in_any_order, FirstCurve),
    (curves.check_curve_only_those_declared, ReadsAnotherCurve),
    (curves.check_curve_missing, ZerosForNoCurve),
    (curves.check_curve_not_finite, HidesNaN),
    (curves.check_curve_parameters_matter, IgnoresLast),
    (curves.check_curve_no_numerical_warnings, TakesLogarithm),
]


@pytest.fixture
def case_of(monkeypatch):
    monkeypatch.setattr(registry, "_infos", dict(registry._infos))

    def make(cls):
        name = cls.__name__.lower()
        monkeypatch.setattr(cls, "info", replace(cls.info, name=name))
        registry.register(cls)
        return checks.make_case(name, SPACE, DATASET)

    return make


@pytest.mark.parametrize("check", [*checks.CHECKS, *checks.LABEL_CHECKS], ids=lambda check: check.__name__)
def test_sound_predictor_passes(check, case_of):
    check(case_of(Sound))


@pytest.mark.parametrize("check", [*checks.CHECKS, *checks.CURVE_CHECKS], ids=lambda check: check.__name__)
def test_sound_curve_predictor_passes(check, case_of):
    check(case_of(SoundCurve))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("check", "cls"), BROKEN, ids=lambda value: value.__name__)
def test_broken_predictor_fails(check, cls, case_of):
    case = case_of(cls)
    with pytest.raises((AssertionError, ValueError, RuntimeWarning)):
        check(case)


def test_every_check_is_shown_to_fail():
    assert {check for check, _ in BROKEN} == {
        *checks.CHECKS,
        *checks.LABEL_CHECKS,
        *checks.CURVE_CHECKS,
    }


def test_needs_decide_which_checks_apply():
    assert checks.checks_for(info()) == (*checks.CHECKS, *checks.LABEL_CHECKS)
    assert checks.checks_for(info(needs=frozenset({"counts"}))) == checks.CHECKS
    assert checks.checks_for(info(needs=frozenset({"curves"}))) == (*checks.CHECKS, *checks.CURVE_CHECKS)
    assert set(checks.checks_for(info(needs=frozenset({"labels", "curves"})))) == {
        *checks.CHECKS,
        *checks.LABEL_CHECKS,
        *checks.CURVE_CHECKS,
    }


def test_case_is_reproducible_and_its_queries_are_new(case_of):
    one, two = case_of(Sound), case_of(Sound)
    assert np.array_equal(one.train.codes, two.train.codes)
    assert np.array_equal(one.train.targets, two.train.targets)
    assert (len(one.train), len(one.query)) == (24, 30)
    assert one.query.targets is None
    together = np.concatenate([one.train.codes, one.query.codes])
    assert len(np.unique(together, axis=0)) == len(together)
    assert set(one.query.curves) == set(one.train.curves)
    assert one.query.curves["val_loss"].shape == (30, 6)


def test_difference_in_another_process_is_seen(tmp_path):
    """A score that depends on the hash seed of the process."""
    file = tmp_path / "hashed.py"
    file.write_text(
        "import numpy as np\n"
        "from predictors.base import Predictor, PredictorInfo\n"
        "class Hashed(Predictor):\n"
        "    info = PredictorInfo(name='hashed', target='', family='baseline', needs=frozenset({'counts'}))\n"
        "    is_fitted = True\n"
        "    def __init__(self, *, seed: int = 0):\n"
        "        self.seed = seed\n"
        "    def _fit(self, train):\n"
        "        pass\n"
        "    def _predict(self, query):\n"
        "        return query.codes[:, 0] + float(hash('a text') % 1000)\n"
    )
    registry.register_file(file)
    case = checks.make_case("hashed", SPACE, DATASET)
    (there,) = checks.scores_in_other_process([case], plugins=[str(file)])
    assert there.shape == (30,)
    assert not np.array_equal(there, case.scores())
    registry._infos.pop("hashed")

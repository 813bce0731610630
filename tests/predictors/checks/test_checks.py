"""Every check passes a sound predictor and fails one that is broken in the way it looks for."""

from dataclasses import replace

import broken_predictors as broken
import numpy as np
import pytest

from predictors import checks, registry
from predictors.checks import curves, general, labels
from tasks.spaces.base import DatasetInfo
from tasks.spaces.nasbench201 import NasBench201

SPACE, DATASET = NasBench201(), DatasetInfo("cifar10", 10, 32)


BROKEN = [
    (general.check_info, broken.WrongInfo),
    (general.check_constructor_only_stores, broken.WorksInConstructor),
    (general.check_get_params_round_trip, broken.ChangesParameters),
    (general.check_parameters_declared, broken.UndeclaredParameter),
    (general.check_output, broken.ConstantScores),
    (general.check_deterministic, broken.RandomScores),
    (general.check_largest_seed, broken.SmallSeedsOnly),
    (general.check_global_state_untouched, broken.GlobalRandom),
    (general.check_inputs_untouched, broken.SortsInPlace),
    (general.check_inputs_untouched, broken.NeedsWritable),
    (general.check_query_order, broken.DependsOnOrder),
    (general.check_query_batches, broken.DependsOnBatch),
    (general.check_equal_queries_tie, broken.BreaksTies),
    (general.check_empty_query, broken.NoEmptyQuery),
    (general.check_predict_twice, broken.CountsQueries),
    (general.check_pickles, broken.LosesState),
    (general.check_distribution, broken.OtherMean),
    (general.check_distribution, broken.NoRefusalOfUncertainty),
    (labels.check_before_fit, broken.PredictsUnfitted),
    (labels.check_fit_returns_self, broken.ReturnsNothing),
    (labels.check_five_points, broken.TenPoints),
    (labels.check_one_point, broken.TwoPoints),
    (labels.check_duplicate_rows, broken.NoDuplicates),
    (labels.check_constant_targets, broken.DividesBySpread),
    (labels.check_refuses_bad_targets, broken.AcceptsNaN),
    (labels.check_direction, broken.LowerIsBetter),
    (labels.check_percent, broken.NotPercent),
    (labels.check_refit, broken.Remembers),
    (labels.check_fit_many, broken.MixesUp),
    (labels.check_parameters_matter, broken.IgnoresParameter),
    (labels.check_no_numerical_warnings, broken.Overflows),
    (curves.check_curve_direction, broken.LossAsScore),
    (curves.check_curve_one_epoch, broken.TwoEpochs),
    (curves.check_curve_constant, broken.DividesByRise),
    (curves.check_curve_memory_layout, broken.ReadsMemory),
    (curves.check_curve_names_in_any_order, broken.FirstCurve),
    (curves.check_curve_only_those_declared, broken.ReadsAnotherCurve),
    (curves.check_curve_missing, broken.ZerosForNoCurve),
    (curves.check_curve_not_finite, broken.HidesNaN),
    (curves.check_curve_parameters_matter, broken.IgnoresLast),
    (curves.check_curve_no_numerical_warnings, broken.TakesLogarithm),
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
    check(case_of(broken.Sound))


@pytest.mark.parametrize("check", [*checks.CHECKS, *checks.CURVE_CHECKS], ids=lambda check: check.__name__)
def test_sound_curve_predictor_passes(check, case_of):
    check(case_of(broken.SoundCurve))


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
    assert checks.checks_for(broken.info()) == (*checks.CHECKS, *checks.LABEL_CHECKS)
    assert checks.checks_for(broken.info(needs=frozenset({"counts"}))) == checks.CHECKS
    assert checks.checks_for(broken.info(needs=frozenset({"curves"}))) == (
        *checks.CHECKS,
        *checks.CURVE_CHECKS,
    )
    assert set(checks.checks_for(broken.info(needs=frozenset({"labels", "curves"})))) == {
        *checks.CHECKS,
        *checks.LABEL_CHECKS,
        *checks.CURVE_CHECKS,
    }


def test_case_is_reproducible_and_its_queries_are_new(case_of):
    one, two = case_of(broken.Sound), case_of(broken.Sound)
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

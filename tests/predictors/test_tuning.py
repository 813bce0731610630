import numpy as np
import pytest

from predictors import registry
from predictors.base import Predictor, PredictorInfo
from predictors.observations import Observations
from predictors.parameters import Search
from predictors.tuning import TunedPredictor, Tuning


class Weighted(Predictor):
    """Ranks by the number of one operation; its hyperparameter says which, so only one value is right."""

    info = PredictorInfo("weighted", "x:X", "baseline", frozenset({"labels"}))
    fits: list[int]

    def __init__(self, *, operation: int = 0, seed: int = 0) -> None:
        self.operation = operation
        self.seed = seed

    def _fit(self, train):
        self.size_ = len(train)

    def _predict(self, query):
        if self.operation == 4:
            raise RuntimeError("not this one")
        return (query.codes == self.operation).sum(1).astype(np.float64)


def observations(table, n, operation):
    codes = table.codes[:n]
    targets = 50.0 + 5.0 * (codes == operation).sum(1) + np.linspace(0, 0.1, n)
    return Observations(table.space, table.dataset, codes, targets)


@pytest.fixture
def searchable(monkeypatch):
    from predictors import tuning
    from predictors.parameters import Parameter

    declared = {"operation": Parameter("operation", 0, types=(int,), search=Search(0, 4))}
    monkeypatch.setattr(tuning, "declared_parameters", lambda cls: declared)
    monkeypatch.setattr("predictors.base.check_parameters", lambda *args: None)


def tuned(**settings):
    return TunedPredictor(kind=Weighted, fixed={}, tuning=Tuning(**settings), seed=1)


def test_the_configuration_that_ranks_held_out_cells_is_chosen(small_table, searchable):
    model = tuned(configs=30).fit(observations(small_table, 60, operation=2))
    assert model.chosen_ == {"operation": 2}
    assert model.hpo_time_ > 0
    assert len(model.scores_) == 30
    assert np.isnan(model.scores_).any()  # operation 4 raises: that configuration is out


def test_configurations_that_fail_are_counted_with_the_reason(small_table, searchable, caplog):
    query = Observations(small_table.space, small_table.dataset, small_table.codes[100:150])
    model = tuned(configs=30).fit(observations(small_table, 60, operation=2))
    model.predict(query)
    failed = int(np.isnan(model.scores_).sum())
    assert model.notice_ == (
        f"{failed} of 30 configurations of the search failed: RuntimeError: not this one ({failed})"
    )
    assert (
        caplog.text.count("search of Weighted: {'operation': 4} is out: RuntimeError: not this one") == failed
    )


def test_a_search_without_failures_says_nothing(small_table, searchable):
    model = TunedPredictor(kind=Weighted, fixed={"operation": 1}, tuning=Tuning(configs=5), seed=1)
    model.fit(observations(small_table, 40, operation=3)).predict(observations(small_table, 9, operation=3))
    assert (model.notice_, model.failures_) == ("", ("",))


def test_the_default_comes_first_and_stays_if_nothing_is_better(small_table, searchable):
    model = tuned(configs=30).fit(observations(small_table, 60, operation=0))
    assert model.chosen_ == {}


def test_with_too_few_cells_there_is_no_search(small_table, searchable):
    model = tuned(configs=30).fit(observations(small_table, 7, operation=2))
    assert model.chosen_ == {}
    assert model.scores_.size == 0


def test_a_search_repeats(small_table):
    train = observations(small_table, 40, operation=3)
    query = Observations(small_table.space, small_table.dataset, small_table.codes[100:150])
    models = [registry.create("rf", {"hpo": {"configs": 4}}, seed=3).fit(train) for _ in range(2)]
    assert models[0].chosen_ == models[1].chosen_
    np.testing.assert_array_equal(models[0].predict(query), models[1].predict(query))
    other = registry.create("rf", {"hpo": {"configs": 4}}, seed=4).fit(train)
    assert not np.array_equal(models[0].scores_, other.scores_)


def test_scores_are_those_of_cells_not_trained_on(small_table):
    """Labels that are noise: a search scored on its own training cells would find tau near 1."""
    train = observations(small_table, 60, operation=3)
    noise = np.random.default_rng(0).normal(size=60) + 50.0
    model = registry.create("rf", {"hpo": {"configs": 5}}, seed=0)
    model.fit(Observations(train.space, train.dataset, train.codes, noise))
    assert np.nanmax(np.abs(model.scores_)) < 0.5


def test_fixed_hyperparameters_are_not_searched(small_table):
    model = registry.create("rf", {"n_estimators": 7, "hpo": {"configs": 4}}, seed=0)
    model.fit(observations(small_table, 40, operation=3))
    assert model.chosen_["n_estimators"] == 7


def test_a_time_limit_ends_the_search_after_the_default(small_table):
    model = registry.create("rf", {"hpo": {"configs": 500, "max_time_s": 1e-6}}, seed=0)
    model.fit(observations(small_table, 40, operation=3))
    assert len(model.scores_) == 1


@pytest.mark.parametrize("info", registry.all_infos(), ids=lambda info: info.name)
def test_ranges_lie_within_what_is_allowed_and_draws_within_the_ranges(info):
    rng = np.random.default_rng(0)
    for parameter in registry.get_parameters(info.name).values():
        if parameter.search is None:
            continue
        whole = parameter.types == (int,)
        for _ in range(200):
            value = parameter.search.draw(rng, whole=whole)
            assert parameter.search.low <= value <= parameter.search.high
            assert parameter.convert(value) == value


def test_whole_numbers_reach_both_ends():
    rng = np.random.default_rng(0)
    for search in (Search(1, 4), Search(1, 4, log=True)):
        assert {search.draw(rng, whole=True) for _ in range(300)} == {1, 2, 3, 4}


def test_neural_predictors_are_searched_within_their_ranges(small_table):
    params = {"epochs": 1, "min_steps": 1, "hpo": {"configs": 3}}
    model = registry.create("nao", params, seed=0).fit(observations(small_table, 24, operation=1))
    assert len(model.scores_) == 3
    assert {"hidden", "batch", "learning_rate"} <= set(model._configurations()[1])
    assert model.chosen_ in model._configurations()


@pytest.mark.parametrize(
    ("name", "fixed", "varied"),
    [
        ("mlp", {"epochs": 3, "depth": 2}, {"learning_rate": 0.01, "l1": 0.1}),
        ("bananas", {"epochs": 3, "depth": 2, "members": 2}, {"learning_rate": 0.01, "l1": 0.1}),
        ("bonas", {"epochs": 3}, {"learning_rate": 0.01}),
        ("gcn", {"epochs": 1, "min_steps": 3}, {"learning_rate": 0.01, "weight_decay": 0.1}),
    ],
)
def test_configurations_that_differ_in_rates_share_stacks(small_table, monkeypatch, name, fixed, varied):
    kind, stacks = registry.load_class(name), []
    fit_stack = kind._fit_stack
    monkeypatch.setattr(kind, "stack_size", 25)
    monkeypatch.setattr(kind, "_fit_stack", lambda members: stacks.append(len(members)) or fit_stack(members))
    train = observations(small_table, 25, operation=3)
    # The folds of 25 are of unequal size: their training parts are of 16, 17 and 17.
    parts = [train.take(np.setdiff1d(np.arange(25), held)) for held in np.array_split(np.arange(25), 3)]

    def models():
        configs = [{key: value * (index + 1) / 8 for key, value in varied.items()} for index in range(8)]
        return [kind(**fixed, **config, seed=1) for config in configs for _ in parts]

    together, alone = models(), models()
    kind.fit_many(together, parts * 8)
    assert sorted(stacks) == [8, 16]
    for one, other, part in zip(together, alone, parts * 8, strict=True):
        expected = other.fit(part).predict(train)
        np.testing.assert_allclose(one.predict(train), expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["mlp", "bananas", "gcn", "bonas", "nao", "seminas"])
def test_neural_predictors_declare_ranges(name):
    searched = {key for key, value in registry.get_parameters(name).items() if value.search}
    assert "learning_rate" in searched
    assert len(searched) >= 3

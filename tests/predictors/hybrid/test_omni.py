"""Composed predictors: features of choice, what they cost, and what they need."""

from dataclasses import replace

import numpy as np
import pytest
from tests_support import with_curves

from pipeline.evaluate import Context, evaluate_batch
from pipeline.plan import make_plan
from pipeline.run import context_of
from pipeline.study import Study
from predictors import registry
from predictors.hybrid import sources as sources_module
from predictors.hybrid.omni import Omni
from predictors.hybrid.sources import sources
from predictors.observations import Observations
from predictors.zero_cost.cache import MemoryCache, current_use, using_scores
from predictors.zero_cost.scoring import ProxyScore, Setting
from tasks.errors import InputError
from tasks.metrics import kendall
from tasks.task import canonical_params

TINY = {"images": "noise", "batch": 4, "channels": 2, "cells": 1}
OMNI = [info for info in registry.all_infos() if info.name.startswith("omni")]


MODELS = [
    info.name
    for info in registry.all_infos()
    if info.family == "model_based" and registry.load_class(info.name).takes_extra
]
QUICK = {
    "ngb": {"n_estimators": 60},
    "mlp": {"depth": 3, "epochs": 60, "learning_rate": 0.01, "targets": "standardised"},
    "bananas": {"depth": 3, "epochs": 60, "learning_rate": 0.01, "targets": "standardised"},
    "gcn": {"hidden": 16, "epochs": 30, "min_steps": 0},
    "bonas": {"hidden": 16, "epochs": 60, "learning_rate": 0.01},
    "nao": {"epochs": 30, "batch": 20, "learning_rate": 0.01},
    "seminas": {"epochs": 30, "batch": 20, "learning_rate": 0.01},
    "bohamiann": {"steps": 400},
}


@pytest.fixture(scope="module")
def table(small_table):
    return with_curves(small_table)


def observe(table, start, stop, *, labelled, epochs=6):
    some = slice(start, stop)
    return Observations(
        table.space,
        table.dataset,
        table.codes[some],
        table.val_acc[some] if labelled else None,
        {name: values[some, :epochs] for name, values in table.curves.items()},
        table.epochs,
    )


def made_up_scores(monkeypatch, *, undefined=()):
    """Let proxies score the first operation of a cell, in 2 s per network; returns what was asked for."""
    asked = []

    def score(query, names, setting):
        asked.append((len(query), tuple(names), setting))
        values = query.codes[:, 0].astype(float)
        return [
            [ProxyScore(None if row in undefined else value, 2.0, "") for _ in names]
            for row, value in enumerate(values)
        ]

    monkeypatch.setattr(sources_module, "score_archs", score)
    return asked


def test_features_are_the_scores_of_the_predictors_scaled_by_the_training_architectures(table, monkeypatch):
    made_up_scores(monkeypatch)
    train, query = observe(table, 0, 40, labelled=True), observe(table, 40, 60, labelled=False)
    seen = []
    kind = registry.load_class("bayes_lin_reg")
    original = kind._fit_model
    monkeypatch.setattr(kind, "_fit_model", lambda self, x, z: seen.append(x) or original(self, x, z))
    omni = Omni(features=("sotle", "jacov", "encoding"), model="bayes_lin_reg").fit(train)
    jacov, loss = train.codes[:, 0].astype(float), -train.curves["train_loss"][:, -1].astype(float)
    standard = [(values - values.mean()) / values.std() for values in (jacov, loss)]
    np.testing.assert_allclose(seen[0], np.column_stack([*standard, train.encode("adjacency")]), atol=1e-12)
    assert seen[0].shape == (40, 1 + 1 + 30)

    original = kind._predict_model
    monkeypatch.setattr(kind, "_predict_model", lambda self, m, x: seen.append(x) or original(self, m, x))
    omni.predict(query)
    expected = (query.codes[:, 0] - jacov.mean()) / jacov.std()
    np.testing.assert_allclose(seen[1][:, 0], expected, atol=1e-12)


def test_times_of_scores_are_those_of_their_computation(table, monkeypatch):
    asked = made_up_scores(monkeypatch)
    train, query = observe(table, 0, 40, labelled=True), observe(table, 40, 60, labelled=False)
    omni = Omni(model="bayes_lin_reg").fit(train)
    omni.predict(query)
    assert [(n, names) for n, names, _ in asked] == [(40, ("jacov",)), (20, ("jacov",))]
    assert omni.setup_seconds_ == 80
    assert omni.setup_wall_ < 1
    assert np.all((omni.query_seconds_ > 2) & (omni.query_seconds_ < 3))
    omni.fit(train)
    assert omni.setup_seconds_ == 80


def test_several_proxies_are_computed_together(table, monkeypatch):
    asked = made_up_scores(monkeypatch)
    features = ("jacov", "params", "snip", "sotle", "synflow")
    omni = Omni(features=features, model="rf", batch=7, replicate=3, cells=2).fit(
        observe(table, 0, 30, labelled=True)
    )
    ((_, names, setting),) = asked
    assert sorted(names) == ["jacov", "snip", "synflow"]
    assert (setting.batch, setting.replicate, setting.size) == (7, 3, {"cells": 2})
    assert omni.scaling_.mean.shape == (5,)
    assert omni.encodings == ()


def test_undefined_scores_are_no_obstacle(table, monkeypatch):
    made_up_scores(monkeypatch, undefined={0, 3})
    omni = Omni(model="bayes_lin_reg").fit(observe(table, 0, 40, labelled=True))
    assert np.all(np.isfinite(omni.predict(observe(table, 40, 60, labelled=False))))


def test_pseudo_labels_without_curves_and_what_their_scores_cost(table, monkeypatch):
    asked = made_up_scores(monkeypatch)
    quick = {"hidden": 8, "epochs": 1}
    train = observe(table, 0, 30, labelled=True)
    with_curve = registry.create("omni_seminas", quick, seed=0).fit(train)
    assert [n for n, _, _ in asked] == [30]
    assert with_curve.setup_seconds_ == 60
    without = registry.create("omni_seminas_no_lce", quick, seed=0).fit(train)
    assert [n for n, _, _ in asked] == [30, 30, 30]
    assert without.setup_seconds_ == 120


@pytest.mark.parametrize("name", MODELS)
def test_every_model_that_takes_features_learns_from_them(name, table):
    """Accuracies that only a feature knows: the cells say nothing."""
    settings = QUICK.get(name, {"epochs": 40} if "epochs" in registry.get_parameters(name) else {})
    train, query = observe(table, 0, 40, labelled=True), observe(table, 40, 80, labelled=False)
    hidden = np.random.default_rng(0).permutation(len(table))
    train, query = (
        replace(train, codes=table.codes[hidden[:40]]),
        replace(query, codes=table.codes[hidden[40:80]]),
    )
    omni = Omni(features=("encoding", "sotle"), model=name, settings=settings).fit(train)
    assert kendall(table.val_acc[40:80], omni.predict(query)) > 0.3


def test_there_are_models_that_take_features():
    assert {"rf", "ngb", "gp", "mlp", "gcn", "bonas", "nao", "seminas"} < set(MODELS)


def test_curves_of_another_length_are_refused(table):
    omni = Omni(features=("encoding", "sotle"), model="bayes_lin_reg")
    omni.fit(observe(table, 0, 20, labelled=True))
    with pytest.raises(InputError, match="fitted on curves of 6 epochs, the query has 3"):
        omni.predict(observe(table, 20, 30, labelled=False, epochs=3))


def test_without_curves_their_length_does_not_matter(table):
    omni = Omni(features=("encoding", "flops"), model="bayes_lin_reg")
    omni.fit(observe(table, 0, 20, labelled=True))
    omni.predict(replace(observe(table, 20, 30, labelled=False), curves={}))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"features": ()}, "features is empty"),
        ({"features": ("encoding", "jacov", "jacov")}, "jacov stands there twice"),
        ({"features": ("encoding", "rf")}, "'rf' is neither 'encoding' nor a predictor that learns from no"),
        ({"features": ("sotl3",)}, "did you mean .sotl. or .sotle."),
        ({"model": "jacov"}, "model 'jacov' is no model-based predictor"),
        ({"model": "gpwl"}, "model 'gpwl' cannot take extra features; allowed: bananas, bayes_lin_reg"),
        ({"model": "gcn", "features": ("jacov",)}, "Gcn reads the cell as a graph; encoding must be among"),
        ({"model": "rf", "settings": {"trees": 3}}, "predictor rf: unknown parameter 'trees'"),
    ],
)
def test_what_cannot_be_composed_is_refused_before_anything_runs(params, message):
    with pytest.raises(InputError, match=message):
        registry.info_with("omni", params)


@pytest.mark.parametrize(
    ("features", "needs", "experiment"),
    [
        (("encoding", "jacov", "sotle"), {"labels", "images", "curves"}, "vary_both"),
        (("encoding", "jacov"), {"labels", "images"}, "vary_train_size"),
        (("encoding", "sotle"), {"labels", "curves"}, "vary_both"),
        (("encoding", "flops"), {"labels", "counts"}, "vary_train_size"),
        (("encoding",), {"labels"}, "vary_train_size"),
    ],
)
def test_needs_are_those_of_the_features(features, needs, experiment):
    info = registry.info_with("omni", {"features": features})
    assert info.needs == needs
    assert info.experiment == experiment
    assert info.curves == (("train_loss",) if "sotle" in features else ())
    assert (info.spaces is None) == ("jacov" not in features)


def test_a_model_that_a_space_cannot_have(table):
    usable, why_not = registry.availability(
        registry.get_info("omni"), table, {"features": ("encoding", "sotle"), "model": "rf"}
    )
    assert (usable, why_not) == (True, "")
    usable, why_not = registry.availability(registry.get_info("omni"), table)
    assert not usable
    assert why_not.startswith("needs images: no images of made-up")


@pytest.mark.parametrize("info", registry.all_infos(), ids=lambda info: info.name)
def test_what_is_registered_is_what_the_default_needs(info):
    assert registry.info_with(info.name, {}) == info


@pytest.mark.parametrize("info", OMNI, ids=lambda info: info.name)
def test_registered_forms(info):
    predictor = registry.create(info.name, {}, seed=0)
    without = {part: f"_no_{part}" in info.name for part in ("lce", "zerocost", "encoding")}
    expected = [
        name
        for name, part in (("encoding", "encoding"), ("jacov", "zerocost"), ("sotle", "lce"))
        if not without[part]
    ]
    assert list(predictor._features) == expected
    assert info.experiment == ("vary_train_size" if without["lce"] else "vary_both")
    assert ("images" in info.needs) == (not without["zerocost"])
    assert predictor._new_model().takes_extra
    assert [source.name for source in sources(predictor._features)] == [
        n for n in expected if n != "encoding"
    ]


def test_whoever_scores_networks_computes_the_proxies_of_compositions_too():
    omni = {"name": "omni", "params": {"features": ["encoding", "synflow", "sotle", "jacov"]}}
    other = {"name": "omni", "params": {"features": ["encoding", "zen"], "batch": 8, "cells": 2}}
    study = Study(name="omni", tasks=["a/b"], predictors=["snip", omni, "rf", other])
    context = context_of(study, planned=[(e.name, canonical_params(e.params)) for e in study.predictors])
    with using_scores(MemoryCache(), context.proxies):
        assert current_use().together == (
            *((Setting(), name) for name in ("snip", "synflow", "jacov")),
            (Setting(batch=8, size={"cells": 2}), "zen"),
        )


def test_rows_of_a_study(table):
    omni = {"features": ["encoding", "jacov"], "model": "bayes_lin_reg", **TINY}
    study = Study(
        name="omni",
        tasks=[table.name],
        predictors=[
            {"name": "omni", "params": omni},
            {"name": "omni_ngb", "params": {**TINY, "configs": 1, "stages": 4}},
            {"name": "omni_ngb_no_zerocost", "params": {"configs": 1, "stages": 4}},
        ],
        train_sizes=[12],
        epochs=[4],
        trials=1,
        test_size=10,
    )
    plan = make_plan(study, {table.name: table})
    assert not plan.skipped
    assert [(task.train_size, task.epochs) for task in plan.tasks] == [(12, None), (12, 4), (12, 4)]
    with using_scores(MemoryCache()):
        rows = [row for task in plan.tasks for row in evaluate_batch([task], table, Context("t")).rows]
    assert [row["status"] for row in rows] == ["ok"] * 3
    for row in rows:
        scored, trained = "zerocost" not in row["predictor"], row["epochs"] is not None
        assert (row["setup_time_s"] > 0) == scored
        assert (row["partial_train_time_s"] > 0) == trained
        total = row["train_data_time_s"] + row["fit_time_s"] + row["setup_time_s"]
        assert row["init_time_s"] == pytest.approx(total)
        assert row["query_time_s"] == row["partial_train_time_s"] + row["predict_time_s"]

"""Architectures scored without labels: what is planned, scored, stored, resumed and written."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.commands.score import study_to_score
from pipeline.execute.serial import SerialBackend
from pipeline.progress import Silent
from pipeline.run import share_gpus
from pipeline.scoring.plan import make_plan
from pipeline.scoring.rows import scoring_store
from pipeline.scoring.run import execute
from pipeline.scoring.table import KEY, write_tables
from pipeline.study import Study
from predictors import registry
from predictors.observations import Observations
from predictors.weight_sharing.trained import forget_trained
from tasks.errors import InputError
from tasks.metrics import kendall
from tasks.spaces.nasbench201 import NasBench201

TASK = "nasbench201/digits"
SPACE = NasBench201()
NETWORK = {"images": "noise", "channels": 4, "cells": 1}
SUPERNET = {**NETWORK, "epochs": 2, "steps": 2, "batch": 8, "val_images": 100, "bn_batches": 1}

FAULTY = """
import os
from pathlib import Path
import numpy as np
from predictors.base import Predictor, PredictorInfo
from predictors.weight_sharing.paths import UniformPaths
from predictors.weight_sharing.predictors import RandomSharing

class Some(Predictor):
    info = PredictorInfo(name="some", target="x:X", family="zero_cost", needs=frozenset(), deterministic=True)

    def __init__(self, *, seed=0):
        self.seed = seed

    is_fitted = True

    def _fit(self, train):
        pass

    def _predict(self, query):
        if [2] * 6 in query.codes.tolist():
            raise RuntimeError("cannot do that one")
        return np.where((query.codes == 0).all(axis=1), np.nan, query.codes.sum(axis=1))

class Counted(UniformPaths):
    def step(self, rng):
        with Path(os.environ["NASPRED_TEST_STEPS"]).open("a") as file:
            file.write("step\\n")
        return super().step(rng)

class CountedSharing(RandomSharing):
    info = PredictorInfo(name="counted", target="x:X", family="weight_sharing", resident=True, cost_s=120.0,
                         needs=frozenset({"images", "supernet"}), packages=("torch",))

    def sampler_for(self, space):
        return Counted(space)

class NoSupernet(RandomSharing):
    info = PredictorInfo(name="untrainable", target="x:X", family="weight_sharing", resident=True,
                         needs=frozenset({"images", "supernet"}), packages=("torch",))

    def sampler_for(self, space):
        raise RuntimeError("no paths")
"""


@pytest.fixture(autouse=True)
def _forgetful():
    forget_trained()
    yield
    forget_trained()


@pytest.fixture
def faulty(tmp_path):
    file = tmp_path / "faulty_scoring.py"
    file.write_text(FAULTY)
    return str(file)


def study(*predictors, **changes):
    return Study(name="s", tasks=[TASK], predictors=list(predictors), trials=1, **changes)


def listed(folder, codes):
    file = folder / f"{len(list(folder.iterdir()))}.txt"
    file.write_text("\n".join(SPACE.format(tuple(row)) for row in codes) + "\n\n")
    return str(file)


def score(out, chosen, archs, backend=None, **options):
    """Run a scoring to its end; returns the plan, the summary and the stored rows."""
    store = scoring_store(out)
    plan = make_plan(chosen, store, archs=archs, **options)
    summary = execute(plan, store, backend or SerialBackend(), lambda doing: Silent())
    return plan, summary, store.read().to_pylist()


def some_cells(n):
    codes = np.unique(SPACE.sample(np.random.default_rng(1), 2 * n), axis=0)
    return codes[SPACE.is_connected(codes)][:n].tolist()


def direct(scorer, rows, dataset):
    predictor = registry.create(scorer.predictor, json.loads(scorer.params), seed=scorer.seed)
    codes = SPACE.parse_many([row["arch"] for row in rows])
    return predictor.predict(Observations(SPACE, dataset, codes)).tolist()


def test_the_whole_space_or_the_table():
    plan = make_plan(study("params"), None)
    assert len(plan.todo) == len({job.key for job in plan.todo}) == 15_625
    plan = make_plan(study("params"), None, archs="table")
    assert len(plan.todo) == len(plan.tables[TASK])


def test_scores_are_those_of_the_predictor_and_are_computed_once(tmp_path):
    cells = some_cells(6)
    chosen = study("params", {"name": "synflow", "params": NETWORK}, {"name": "rsws", "params": SUPERNET})
    chosen = chosen.with_changes({"trials": 2})
    archs = listed(tmp_path, [*cells, cells[0]])
    plan, summary, rows = score(tmp_path / "out", chosen, archs)
    assert dict(summary.statuses) == {"ok": 6 * 4}  # two supernets, and one replicate of the others
    assert [scorer.replicate for scorer in plan.scorers] == [0, 0, 0, 1]
    for scorer in plan.scorers:
        own = [
            row
            for row in rows
            if (row["predictor"], row["replicate"]) == (scorer.predictor, scorer.replicate)
        ]
        assert [row["score"] for row in own] == direct(scorer, own, scorer.dataset)
        assert all(row["seconds"] > 0 for row in own)
        assert {(row["setup_s"] or 0) > 0 for row in own} == {scorer.predictor == "rsws"}
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.p*t")}
    assert sum(path.suffix == ".pt" for path in parts) == 2
    assert any("scores" in path.parts for path in parts)
    plan, summary, _ = score(tmp_path / "out", chosen, archs)
    assert (plan.todo, summary.already, dict(summary.statuses)) == ([], 24, {})
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.p*t")} == parts
    # One more cell, and nothing else.
    more = listed(tmp_path, some_cells(7))
    _, summary, _ = score(tmp_path / "out", chosen, more)
    assert dict(summary.statuses) == {"ok": 4}
    assert len(list((tmp_path / "out" / "checkpoints").rglob("*.pt"))) == 2

    plan = make_plan(chosen, scoring_store(tmp_path / "out"), archs=archs)
    (table,) = write_tables(plan, scoring_store(tmp_path / "out"))
    found = pq.read_table(table.path)
    assert found.column_names == ["arch", "canonical", "params", "synflow", "rsws", "rsws.0", "rsws.1"]
    assert table.columns == dict.fromkeys(found.column_names[2:], 6)
    frame = found.to_pandas()
    assert frame["arch"].tolist() == [SPACE.format(tuple(row)) for row in cells]
    assert frame["canonical"].tolist() == SPACE.canonical_many(np.array(cells))
    assert frame["rsws"].tolist() == pytest.approx(((frame["rsws.0"] + frame["rsws.1"]) / 2).tolist())
    facts = json.loads(found.schema.metadata[KEY])
    assert facts["rsws"] == {"mean_of": 2}
    assert facts["rsws.1"]["params"]["channels"] == 4
    assert facts["rsws.1"]["seed"] == plan.scorers[-1].seed


def test_a_supernet_of_a_study_is_that_of_its_scoring(tmp_path):
    from pipeline.evaluate import evaluate_batch
    from pipeline.plan import make_plan as plan_study
    from pipeline.run import context_of

    chosen = study({"name": "rsws", "params": SUPERNET}, test_size=5)
    score(tmp_path / "out", chosen, listed(tmp_path, some_cells(2)))
    (kept,) = (tmp_path / "out" / "checkpoints").rglob("*.pt")
    forget_trained()
    plan = make_plan(chosen, None, archs="table")
    tasks = plan_study(chosen, plan.tables).tasks
    context = context_of(chosen, out=str(tmp_path / "out"))
    (row,) = evaluate_batch(tasks, plan.tables[TASK], context).rows
    assert row["status"] == "ok", row["error_message"]
    assert list((tmp_path / "out" / "checkpoints").rglob("*.pt")) == [kept]


def test_what_has_no_score_and_what_raises_are_rows(tmp_path, faulty):
    cells = [[0] * 6, [1] * 6, [2] * 6, [3] * 6, [4] * 6]
    chosen, archs = study("some", plugins=[faulty]), listed(tmp_path, cells)
    plan, summary, rows = score(tmp_path / "out", chosen, archs)
    assert dict(summary.statuses) == {"ok": 3, "degenerate": 1, "error": 1}
    by_arch = {SPACE.parse(row["arch"])[0]: row for row in rows}
    assert [by_arch[code]["score"] for code in range(5)] == [None, 6.0, None, 18.0, 24.0]
    assert (by_arch[0]["status"], by_arch[0]["error_message"]) == ("degenerate", "the score is nan")
    assert (by_arch[2]["status"], by_arch[2]["error_message"]) == ("error", "cannot do that one")
    assert "_predict" in by_arch[2]["traceback"]
    (table,) = write_tables(plan, scoring_store(tmp_path / "out"))
    assert table.columns == {"some": 3}
    _, summary, _ = score(tmp_path / "out", chosen, archs)
    assert summary.already == 5
    _, summary, _ = score(tmp_path / "out", chosen, archs, retry_failed=True)
    assert dict(summary.statuses) == {"degenerate": 1, "error": 1}


def test_nothing_waits_for_a_supernet_that_cannot_be_trained(tmp_path, faulty):
    chosen = study({"name": "untrainable", "params": SUPERNET}, "params", plugins=[faulty])
    _, summary, rows = score(tmp_path / "out", chosen, listed(tmp_path, some_cells(5)))
    assert dict(summary.statuses) == {"error": 1, "ok": 5}
    assert [row["error_message"] for row in rows if row["status"] == "error"] == ["no paths"]


@pytest.mark.ray
def test_several_actors_use_one_supernet_that_was_trained_once(tmp_path, faulty, local_ray, monkeypatch):
    from pipeline.execute.ray_backend import RayBackend

    log = tmp_path / "steps"
    source = FAULTY.replace('os.environ["NASPRED_TEST_STEPS"]', repr(str(log)))
    for name in ("some", "counted", "untrainable"):  # those of the other copy may be registered by now
        source = source.replace(f'name="{name}"', f'name="{name}2"')
    (tmp_path / "counted_scoring.py").write_text(source)
    chosen = study({"name": "counted2", "params": SUPERNET}, plugins=[str(tmp_path / "counted_scoring.py")])
    plan, summary, rows = score(tmp_path / "out", chosen, listed(tmp_path, some_cells(60)), RayBackend())
    assert dict(summary.statuses) == {"ok": 60}, [row["error_message"] for row in rows]
    assert len(log.read_text().split()) == 2 * 2  # epochs and steps
    assert [row["score"] for row in rows] == direct(plan.scorers[0], rows, plan.scorers[0].dataset)


def test_predictors_on_a_gpu_have_a_share_of_it():
    plan = make_plan(study("rsws", "params"), None, archs="table")
    share_gpus(plan.infos)
    shares = {job.predictor: plan.cost.demand(job).num_gpus for job in plan.jobs}
    assert shares == {"rsws": 0.25, "params": 0.0}


def test_predictors_that_need_labels():
    chosen, named = study_to_score(None, "paper31", TASK, None, [], [])
    assert (chosen.trials, named) == (1, frozenset())
    plan = make_plan(chosen, None, archs="table", named=named)
    used = {scorer.predictor for scorer in plan.scorers}
    assert used == {"fisher", "grad_norm", "grasp", "jacov", "snip", "synflow", "oneshot", "rsws"}
    assert len(plan.left_out) == 31 - 8
    chosen, named = study_to_score(None, "params,rf", TASK, 2, [], [])
    assert (chosen.trials, named) == (2, {"params", "rf"})
    with pytest.raises(InputError, match=r"predictors: rf needs labelled architectures, which .*: .*synflow"):
        make_plan(chosen, None, named=named)
    with pytest.raises(InputError, match="lcsvr needs labelled architectures and learning curves, valacc"):
        make_plan(study("lcsvr", "valacc"), None)


def test_architectures_that_are_not_there(tmp_path):
    cells = [SPACE.format(tuple(row)) for row in some_cells(2)]
    file = tmp_path / "bad.txt"
    file.write_text(f"{cells[0]}\n\n{cells[1].replace('+', '-')}\n")
    with pytest.raises(InputError, match=r"bad\.txt: line 3, '\|.*-\|.*': nasbench201: architecture"):
        make_plan(study("params"), None, archs=str(file))
    file.write_text("\n")
    with pytest.raises(InputError, match=r"bad\.txt: the file holds no architecture"):
        make_plan(study("params"), None, archs=str(file))
    with pytest.raises(InputError, match="--archs everything: give 'all', 'table' or a text file"):
        make_plan(study("params"), None, archs="everything")


def test_a_space_that_cannot_be_listed(small_table, tmp_path):
    from dataclasses import replace

    from pipeline.scoring.architectures import architectures
    from tasks.spaces.darts import Darts

    codes = Darts().sample(np.random.default_rng(0), 3)
    table = replace(small_table, space=Darts(), codes=codes[[2, 0, 1, 0]])
    with pytest.raises(InputError, match="of darts cannot be listed; give 'table' for the 4 of"):
        architectures(None, table)
    assert architectures("table", table).tolist() == sorted(codes.tolist())


def test_tau_is_over_measured_architectures_with_a_score(tmp_path):
    plan = make_plan(study("params"), None, archs="table")
    table = plan.tables[TASK]
    _, _, rows = score(tmp_path, study("params"), "table")
    by_arch = {row["arch"]: row["score"] for row in rows}
    texts = [SPACE.format(tuple(row)) for row in table.codes.tolist()]
    (written,) = write_tables(plan, scoring_store(tmp_path))
    assert written.measured == written.columns["params"] == len(table)
    assert written.kendall["params"] == kendall(table.val_acc, np.array([by_arch[text] for text in texts]))

"""Zero-cost scores beside the results: stored once, found by every trial and process."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate import evaluate_batch
from pipeline.plan import make_plan
from pipeline.run import context_of
from pipeline.scores import SCORE_SCHEMA, ScoreStore, compact_scores
from pipeline.store import ResultStore, StoreWarning
from pipeline.study import Study
from predictors.zero_cost.cache import ScoreKey
from predictors.zero_cost.scoring import ProxyScore
from tasks.spaces.base import DatasetInfo

KEY = ScoreKey("nasbench201", "digits", "|a|", "snip", 1, 0, "b", "channels=4")
SCORE, NONE = ProxyScore(1.5, 0.25), ProxyScore(None, 0.5, "no gradient")


def test_every_part_of_the_key_matters():
    others = [
        replace(KEY, **change)
        for change in (
            {"space": "darts"}, {"dataset": "cifar10"}, {"arch": "|b|"}, {"proxy": "grasp"},
            {"version": 2}, {"replicate": 1}, {"batch": "c"}, {"network": ""},
        )
    ]  # fmt: skip
    assert len({key.digest for key in (KEY, *others)}) == 9


def test_found_by_another_process(tmp_path):
    one, two = ScoreStore(str(tmp_path), "s"), ScoreStore(str(tmp_path), "t")
    dead = replace(KEY, arch="|dead|")
    assert two.find([KEY, dead]) == {}
    one.add({KEY: SCORE, dead: NONE})
    assert two.find([KEY, dead]) == {KEY: SCORE, dead: NONE}
    two.add({replace(KEY, dataset="cifar10"): SCORE})
    assert one.find([replace(KEY, dataset="cifar10")]) == {replace(KEY, dataset="cifar10"): SCORE}
    rows = ResultStore(tmp_path, folder="scores", schema=SCORE_SCHEMA).read()
    assert rows.num_rows == 3
    assert rows.schema.equals(SCORE_SCHEMA)


def test_compacted_and_damaged_files(tmp_path):
    one = ScoreStore(str(tmp_path), "s")
    one.add({KEY: SCORE})
    one.add({replace(KEY, proxy="grasp"): NONE})
    ResultStore(tmp_path, folder="scores", schema=SCORE_SCHEMA).compact()
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    two = ScoreStore(str(tmp_path), "s")
    assert two.find([KEY]) == {KEY: SCORE}
    other = replace(KEY, arch="|c|")
    (tmp_path / "scores" / "task=nasbench201-digits" / "part-x.parquet").write_bytes(b"PAR1 cut")
    with pytest.warns(StoreWarning, match=r"part-x\.parquet"):
        assert two.find([KEY, other]) == {KEY: SCORE}
    assert two.find([other]) == {}  # warned once


def test_a_look_during_a_compaction_misses_nothing(tmp_path, monkeypatch):
    one, two = ScoreStore(str(tmp_path), "s"), ScoreStore(str(tmp_path), "t")
    others = [replace(KEY, arch=f"|{i}|") for i in range(3)]
    for key in others:
        one.add({key: SCORE})
    listing = two._files.list

    def list_then_compact(folder):
        names = listing(folder)
        compact_scores(str(tmp_path))
        return names

    monkeypatch.setattr(two._files, "list", list_then_compact)
    assert two.find(others) == dict.fromkeys(others, SCORE)


def test_a_link_that_leads_nowhere_is_named_and_not_looked_at_for_ever(tmp_path):
    one = ScoreStore(str(tmp_path), "s")
    one.add({KEY: SCORE})
    folder = tmp_path / "scores" / "task=nasbench201-digits"
    (folder / f"part-s-{'0' * 32}.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.warns(StoreWarning, match="No such file"):
        assert ScoreStore(str(tmp_path), "t").find([KEY]) == {KEY: SCORE}


def test_compact_merges_scores_beside_results_and_drops_second_rows(tmp_path):
    one, two = ScoreStore(str(tmp_path), "s"), ScoreStore(str(tmp_path), "t")
    one.add({KEY: SCORE})
    two.add({KEY: SCORE, replace(KEY, arch="|b|"): SCORE})
    assert ResultStore(tmp_path).compact().files_before == 0
    done = compact_scores(str(tmp_path))
    assert (done.files_before, done.files_after, done.rows_dropped) == (2, 1, 1)
    assert len(_stored(tmp_path)) == 2
    assert compact_scores(str(tmp_path / "elsewhere")).files_before == 0
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_made_where_there_is_no_store(tmp_path):
    store = ScoreStore(str(tmp_path / "elsewhere"), "s")
    store.add({KEY: SCORE})
    assert store.find([KEY]) == {KEY: SCORE}
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture(scope="module")
def table(small_table):
    """Twenty cells, four of which are dead, whose networks are small."""
    alive = small_table.space.is_connected(small_table.codes)
    rows = np.concatenate([np.flatnonzero(~alive)[:4], np.flatnonzero(alive)[:16]])
    return replace(
        small_table,
        dataset=DatasetInfo("tiny", 3, 8, 1),
        codes=small_table.codes[rows],
        canonical_ids=np.arange(20),
        val_acc=small_table.val_acc[rows],
        train_time_s=small_table.train_time_s[rows],
    )


def _run(table, out, trials=2):
    params = {"images": "noise", "batch": 6, "channels": 4, "cells": 1}
    study = Study(
        name="s",
        tasks=["nasbench201/tiny"],
        predictors=[{"name": name, "params": params} for name in ("jacov", "snip")],
        trials=trials,
        test_size=15,
    )
    plan = make_plan(study, {"nasbench201/tiny": table})
    assert plan.skipped == []
    context = context_of(study, out=str(out), planned=((task.predictor, task.params) for task in plan.tasks))
    assert [name for _, name in context.proxies] == ["jacov", "snip"]
    rows = []
    for name in ("jacov", "snip"):
        tasks = [task for task in plan.tasks if task.predictor == name]
        while tasks:  # a slow machine hands some back
            result = evaluate_batch(tasks, table, context)
            rows, tasks = rows + result.rows, result.unfinished
    return rows


def _stored(out):
    return ResultStore(out, folder="scores", schema=SCORE_SCHEMA).read().to_pandas().set_index("key")


def test_trials_share_scores_and_undefined_ones_are_counted(table, tmp_path):
    rows = _run(table, tmp_path)
    stored = _stored(tmp_path)
    files = [path.read_bytes() for path in sorted(tmp_path.rglob("*.parquet"))]
    assert len(stored) == 2 * stored["arch"].nunique()
    assert 15 < stored["arch"].nunique() <= 20
    assert [row["status"] for row in rows] == ["ok"] * 4, [row.get("error_message") for row in rows]
    for row in rows[:2]:
        assert 0 < row["n_undefined"] <= 4
        assert row["error_message"].endswith(
            "have no score, most often because no gradient reaches the input"
        )
        assert row["kendall"] is not None
    for row in rows[2:]:
        assert (row["n_undefined"], row["error_message"]) == (0, None)
    times = stored.groupby("proxy")["seconds"]
    for row in rows:
        least, most = times.min()[row["predictor"]], times.max()[row["predictor"]]
        assert least <= row["query_time_s"] == row["predict_time_s"] <= most

    again = _run(table, tmp_path)
    assert [row["kendall"] for row in again] == [row["kendall"] for row in rows]
    # The very seconds of the first time: found, not computed.
    assert [row["query_time_s"] for row in again] == [row["query_time_s"] for row in rows]
    assert [path.read_bytes() for path in sorted(tmp_path.rglob("*.parquet"))] == files


def test_without_a_store_the_results_are_the_same(table, tmp_path):
    plain = _run(table, "", trials=1)
    assert [row["kendall"] for row in plain] == [row["kendall"] for row in _run(table, tmp_path, trials=1)]
    assert all(row["query_time_s"] > 0 for row in plain)

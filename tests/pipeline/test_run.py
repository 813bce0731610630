"""From a study to its stored results, in this process."""

from collections import Counter

import pytest

from pipeline.evaluate import BatchResult, Context
from pipeline.execute.scheduler import Scheduler
from pipeline.execute.serial import SerialBackend
from pipeline.progress import Silent
from pipeline.run import FLUSH_ROWS, ResultSink, context_of, execute, prepare
from pipeline.store import ResultStore
from pipeline.study import Study
from tasks.metrics import kendall


def study(**changes):
    fields = {
        "name": "s", "tasks": ["nasbench201/cifar10"], "predictors": ["bayes_lin_reg", "params"],
        "train_sizes": [5, 20], "trials": 2, "test_size": 50,
    }  # fmt: skip
    return Study(**(fields | changes))


def run(out, **changes):
    store = ResultStore(out)
    summary = execute(prepare(study(**changes), store), store, SerialBackend(), Silent())
    return store, summary


def test_stored_predictions_give_the_stored_metrics(tmp_path):
    store, summary = run(tmp_path, save_predictions=True)
    assert summary.statuses == {"ok": 6}
    rows = store.read().to_pandas().set_index("key")
    predictions = store.read_predictions().to_pandas()
    assert Counter(predictions["key"]) == dict.fromkeys(rows.index, 50)
    for key, group in predictions.groupby("key"):
        again = kendall(group["y_true"].to_numpy(), group["y_pred"].to_numpy())
        assert again == pytest.approx(rows.loc[key, "kendall"], abs=1e-12)


def test_predictions_are_not_stored_unless_asked_for(tmp_path):
    store, _ = run(tmp_path)
    assert store.read_predictions().num_rows == 0


def test_predictors_and_sizes_of_a_trial_share_the_test_set(tmp_path):
    store, _ = run(tmp_path, save_predictions=True)
    rows = store.read().to_pandas().set_index("key")
    archs = store.read_predictions().to_pandas().groupby("key")["arch"].agg(tuple)
    by_seed = archs.groupby(rows["seed"].reindex(archs.index)).nunique()
    assert by_seed.to_dict() == {0: 1, 1: 1}


def test_mutation_sampling_runs_and_is_another_result(tmp_path):
    _, uniform = run(tmp_path)
    store, mutated = run(tmp_path, sampling="mutation")
    assert uniform.statuses == mutated.statuses == {"ok": 6}
    assert store.read().num_rows == 12


def test_a_new_version_of_a_predictor_runs_again_and_nothing_else(tmp_path, monkeypatch):
    from dataclasses import replace

    from predictors import registry

    run(tmp_path)
    newer = replace(registry.get_info("bayes_lin_reg"), version=99)
    monkeypatch.setitem(registry._infos, "bayes_lin_reg", newer)
    store, summary = run(tmp_path)
    assert summary.statuses == {"ok": 4}
    assert summary.already == 2
    assert Counter(store.read(["version"])["version"].to_pylist())[99] == 4


def test_skipped_tasks_are_rows_once(tmp_path):
    store, summary = run(tmp_path, train_sizes=[5, 15_000])
    assert summary.statuses == {"ok": 4, "skipped": 2}
    skipped = [row for row in store.read().to_pylist() if row["status"] == "skipped"]
    assert all("15000 training and 50 test" in row["error_message"] for row in skipped)
    _, again = run(tmp_path, train_sizes=[5, 15_000])
    assert again.statuses == {}


def test_rows_wait_in_the_driver_and_are_written_as_whole_files(tmp_path):
    prepared = prepare(study(), None)
    store = ResultStore(tmp_path)
    sink = ResultSink(store, "s", Scheduler(prepared.cost), Silent())
    finished = SerialBackend()
    collected = []
    finished.run(_scheduler(prepared), prepared.tables, context_of(prepared.study), _Keep(collected))
    sink.take(BatchResult(collected))
    assert not list(tmp_path.rglob("*.parquet"))
    many = [dict(collected[0], key=f"k{index}") for index in range(FLUSH_ROWS)]
    sink.take(BatchResult(many))
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    assert store.read().num_rows == FLUSH_ROWS + len(collected)


class _Keep:
    def __init__(self, rows):
        self.rows = rows

    def take(self, result):
        self.rows += result.rows

    def in_flight(self, tasks):
        pass


def _scheduler(prepared):
    scheduler = Scheduler(prepared.cost)
    scheduler.add(prepared.todo)
    return scheduler


def test_an_interruption_stores_what_is_finished(tmp_path):
    class Interrupted:
        slots = 1

        def run(self, scheduler, tables, context: Context, sink):
            batch = scheduler.next_batch()
            from pipeline.evaluate import evaluate_batch

            sink.take(evaluate_batch(batch.tasks, tables[batch.table], context))
            raise KeyboardInterrupt

    store = ResultStore(tmp_path)
    summary = execute(prepare(study(), store), store, Interrupted(), Silent())
    assert summary.interrupted
    assert 0 < store.read().num_rows == sum(summary.statuses.values()) < 6

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cost import TARGET_S, CostModel
from pipeline.execute.scheduler import MAX_ATTEMPTS, MAX_EVICTIONS, Scheduler
from predictors import registry
from predictors.base import PredictorInfo
from tasks.task import Task

INFOS = {
    name: PredictorInfo(name, "x:X", "baseline", frozenset({"labels"}), cost_s=cost, resident=resident)
    for name, cost, resident in [("cheap", 0.01, False), ("dear", 3.0, False), ("actor", 0.1, True)]
}


def task(predictor="cheap", size=10, seed=0, dataset="d"):
    return Task(predictor, "{}", 1, "s", dataset, "f", "vary_train_size", size, None, seed, "uniform", 20)


def row(seconds=0.01, status="ok"):
    now = datetime.now(UTC)
    return {
        "status": status,
        "started_at": now,
        "finished_at": now + timedelta(seconds=seconds),
        "fit_time_s": 0.0,
        "predict_time_s": 0.0,
        "n_test": 20,
    }


def scheduler(tasks):
    made = Scheduler(CostModel(INFOS))
    made.add(tasks)
    return made


def drain(made):
    batches = []
    while (batch := made.next_batch()) is not None:
        batches.append(batch)
    return batches


def test_longest_tasks_come_first():
    made = scheduler([task("cheap"), task("dear", 5), task("dear", 1000)])
    order = [(b.tasks[0].predictor, b.tasks[0].train_size) for b in drain(made)]
    assert order == [("dear", 1000), ("dear", 5), ("cheap", 10)]


def test_batches_share_predictor_and_table():
    made = scheduler(
        [task(p, n, s, d) for p in ("cheap", "dear") for n in (5, 10) for s in range(9) for d in "ab"]
    )
    for batch in drain(made):
        assert len({(t.predictor, t.params, t.task_name) for t in batch.tasks}) == 1


def test_batches_grow_to_about_a_second_of_work():
    made = scheduler([task(seed=seed) for seed in range(1000)])
    sizes = []
    while (batch := made.next_batch()) is not None:
        sizes.append(len(batch.tasks))
        made.finished(batch, [row(0.01) for _ in batch.tasks], [])
    assert sizes[:4] == [4, 8, 16, 32]
    assert 0.5 * TARGET_S <= max(sizes) * 0.01 <= TARGET_S
    assert sum(sizes) == 1000


def test_a_task_longer_than_the_target_goes_alone():
    made = scheduler([task("dear", 100, seed) for seed in range(3)])
    assert [len(batch.tasks) for batch in drain(made)] == [1, 1, 1]


def test_accept_leaves_the_rest():
    made = scheduler([task("actor"), task("cheap")])
    assert made.next_batch(lambda t: INFOS[t.predictor].resident).tasks[0].predictor == "actor"
    assert made.next_batch(lambda t: INFOS[t.predictor].resident) is None
    assert made.waiting == 1


def test_unfinished_tasks_wait_again():
    made = scheduler([task(seed=seed) for seed in range(4)])
    batch = made.next_batch()
    made.finished(batch, [row()], batch.tasks[1:])
    assert made.waiting == 3


def test_a_crashed_batch_is_tried_one_by_one_and_only_the_guilty_is_given_up():
    made = scheduler([task(seed=seed) for seed in range(4)])
    batch = made.next_batch()
    guilty = batch.tasks[2]
    assert made.crashed(batch, "lost") == []
    given_up, finished = [], []
    while (single := made.next_batch()) is not None:
        assert len(single.tasks) == 1
        if single.tasks[0] == guilty:
            given_up += made.crashed(single, "lost")
        else:
            rows = [row()]
            made.finished(single, rows, [])
            finished += rows
    assert given_up == [guilty]
    assert made.attempts(guilty) == MAX_ATTEMPTS
    assert len(finished) == 3


def test_a_time_out_is_not_tried_again():
    made = scheduler([task()])
    batch = made.next_batch()
    assert made.crashed(batch, "final") == batch.tasks
    assert made.waiting == 0


def test_a_lost_node_is_nobodys_fault_but_not_for_ever():
    made = scheduler([task()])
    losses = 0
    while (batch := made.next_batch()) is not None:
        made.crashed(batch, "evicted")
        losses += 1
    assert losses == MAX_EVICTIONS > MAX_ATTEMPTS


def test_attempts_are_in_the_row():
    made = scheduler([task()])
    made.crashed(made.next_batch(), "lost")
    batch, rows = made.next_batch(), [row()]
    made.finished(batch, rows, [])
    assert rows[0]["attempts"] == 2


def test_remaining_time_follows_what_was_measured():
    made = scheduler([task(seed=seed) for seed in range(10)])
    before = made.remaining_s()
    batch = made.next_batch()
    made.finished(batch, [row(1.0) for _ in batch.tasks], [])
    assert made.remaining_s() == pytest.approx(6.0)
    assert before < 1.0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["cheap", "dear", "actor"]), st.integers(5, 50), st.integers(0, 3)),
        max_size=40,
    ),
    st.lists(st.sampled_from(["ok", "part", "lost", "evicted", "final"]), min_size=1, max_size=30),
)
def test_every_task_ends_exactly_once_whatever_happens(specs, events):
    tasks = list({t.key: t for t in (task(p, n, s) for p, n, s in specs)}.values())
    made, ended, step = scheduler(tasks), Counter(), 0
    while (batch := made.next_batch()) is not None:
        event = events[step % len(events)] if step < 200 else "ok"
        step += 1
        if event == "ok" or (event == "part" and len(batch.tasks) == 1):
            made.finished(batch, [row() for _ in batch.tasks], [])
            ended.update(t.key for t in batch.tasks)
        elif event == "part":
            made.finished(batch, [row()], batch.tasks[1:])
            ended[batch.tasks[0].key] += 1
        else:
            ended.update(t.key for t in made.crashed(batch, event))
    assert ended == Counter(t.key for t in tasks)
    assert made.waiting == 0


def test_tasks_that_are_cheaper_together_share_a_batch_however_long_it_takes():
    info = PredictorInfo("joint", "x:X", "baseline", frozenset({"labels"}), cost_s=3.0, together=3)
    made = Scheduler(CostModel({"joint": info}))
    made.add([task("joint", size, seed) for size in (10, 1000) for seed in range(4)])
    batches = [[(t.train_size, t.seed) for t in batch.tasks] for batch in drain(made)]
    # Of one budget only: those of another one are not trained with them.
    assert batches == [
        [(1000, 0), (1000, 1), (1000, 2)],
        [(1000, 3)],
        [(10, 0), (10, 1), (10, 2)],
        [(10, 3)],
    ]


PROXIES = {name: registry.get_info(name) for name in ("grasp", "snip", "omni_ngb")}


def proxy(name, seed=0, size=None, params="{}"):
    return replace(task(name, size, seed), params=params)


def sharing(tasks):
    made = Scheduler(CostModel({**INFOS, **PROXIES}))
    made.add(tasks)
    return made


def names(batch):
    return [(t.predictor, t.seed) for t in batch.tasks]


def test_tasks_that_find_what_another_computes_wait_for_it():
    made = sharing([proxy(name, seed) for name in ("snip", "grasp") for seed in range(2)] + [task()])
    first, second = made.next_batch(), made.next_batch()
    assert [names(first), names(second)] == [[("grasp", 0)], [("grasp", 1)]]
    # Both snips would compute what is under way; the rest need not wait.
    other = made.next_batch()
    assert names(other) == [("cheap", 0)]
    assert made.next_batch() is None
    assert made.waiting == 2
    made.finished(second, [row()], [])
    assert names(made.next_batch()) == [("snip", 1)]
    assert made.next_batch() is None
    made.finished(first, [row(status="degenerate")], [])
    assert names(made.next_batch()) == [("snip", 0)]
    assert made.waiting == 0


def test_what_is_there_is_read_by_many_at_once():
    made = sharing([proxy("grasp"), proxy("snip"), proxy("snip", params='{"replicate":0}')])
    made.finished(made.next_batch(), [row()], [])
    assert [names(batch) for batch in drain(made)] == [[("snip", 0)]] * 2


def test_other_settings_of_images_share_nothing():
    made = sharing([proxy("grasp"), proxy("snip", params='{"batch":8}'), proxy("snip")])
    assert [batch.tasks[0].params for batch in drain(made)] == ["{}", '{"batch":8}']


def test_the_largest_training_set_leaves_the_scores_of_the_smaller_ones():
    made = sharing([proxy("omni_ngb", size=size) for size in (5, 50, 500)] + [proxy("snip")])
    made.finished(made.next_batch(lambda t: t.predictor == "snip"), [row()], [])
    # Scores of test architectures are there, those of training architectures are not.
    largest = made.next_batch()
    assert largest.tasks[0].train_size == 500
    assert made.next_batch() is None
    made.finished(largest, [row()], [])
    assert sorted(t.train_size for batch in drain(made) for t in batch.tasks) == [5, 50]


@pytest.mark.parametrize("end", ["lost", "evicted", "final", "error", "unfinished", "returned"])
def test_whatever_becomes_of_a_batch_another_one_goes_on(end):
    made = sharing([proxy("grasp"), proxy("snip")])
    batch = made.next_batch()
    assert made.next_batch() is None
    if end == "error":
        made.finished(batch, [row(status="error")], [])
    elif end == "unfinished":
        made.finished(batch, [], batch.tasks)
    elif end == "returned":
        made.returned(batch)
    else:
        made.crashed(batch, end)
    left = [("snip", 0)] if end in {"final", "error"} else [("grasp", 0), ("snip", 0)]
    seen = []
    while (following := made.next_batch()) is not None:
        assert made.next_batch() is None
        seen += names(following)
        made.finished(following, [row(status="error") for _ in following.tasks], [])
    assert seen == left
    assert made.waiting == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(PROXIES)), st.integers(0, 2), st.integers(5, 8)), max_size=30),
    st.lists(st.sampled_from(["ok", "ok", "part", "lost", "evicted", "returned"]), min_size=1, max_size=20),
    st.integers(1, 5),
)
def test_several_workers_end_every_task_and_never_compute_the_same_at_once(specs, events, workers):
    tasks = list(
        {t.key: t for t in (proxy(n, s, z if n == "omni_ngb" else None) for n, s, z in specs)}.values()
    )
    made, ended, flights, left, step = sharing(tasks), Counter(), [], {}, 0
    while True:
        while len(flights) < workers and (batch := made.next_batch()) is not None:
            flights.append(batch)
        if not flights:
            break
        computing = [
            seed
            for batch in flights
            for seed in {t.seed for t in batch.tasks if (t.train_size or 0) > left.get(t.seed, -1)}
        ]
        assert len(computing) == len(set(computing))
        batch = flights.pop(step % len(flights))
        event = events[step % len(events)] if step < 100 else "ok"
        step += 1
        if event in {"ok", "part"}:
            done = batch.tasks if event == "ok" else batch.tasks[:1]
            made.finished(batch, [row() for _ in done], batch.tasks[len(done) :])
            ended.update(t.key for t in done)
            for t in done:
                left[t.seed] = max(left.get(t.seed, -1), t.train_size or 0)
        elif event == "returned":
            made.returned(batch)
        else:
            ended.update(t.key for t in made.crashed(batch, event))
    assert ended == Counter(t.key for t in tasks)
    assert made.waiting == 0

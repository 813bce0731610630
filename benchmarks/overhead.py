"""What the pipeline itself costs: per task, per plan, per start.

    python benchmarks/overhead.py

Prints one table. 5,000 tasks of about 10 ms of processor time run twice in one go: in two plain
processes that do nothing but evaluate their half, which is the ideal, and on a local Ray of two
CPUs through scheduler, result buffer and store. Efficiency is the ratio of the two wall times,
overhead the difference of the processor time of all processes; so a busy machine changes both little.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "tests" / "plugins" / "faults.py"
TASKS, PLAN = 5_000, 200_000


def rows_of_tasks() -> list[tuple[str, str, str]]:
    from pipeline.execute import session
    from pipeline.execute.ray_backend import RayBackend
    from pipeline.progress import Silent
    from pipeline.run import execute, prepare
    from pipeline.store import ResultStore

    ideal_wall, ideal_cpu = ideal()
    with tempfile.TemporaryDirectory() as out, session.ray_session("local", num_cpus=2):
        _warm_up()
        store = ResultStore(out)
        prepared = prepare(study(), store)
        before, began = _cpu_seconds(), time.perf_counter()
        summary = execute(prepared, store, RayBackend(), Silent())
        wall, cpu = time.perf_counter() - began, _cpu_seconds() - before
    if summary.statuses["ok"] != TASKS:
        raise SystemExit(f"not every task was ok: {summary}")
    again_wall, again_cpu = ideal()
    ideal_wall, ideal_cpu = (ideal_wall + again_wall) / 2, (ideal_cpu + again_cpu) / 2
    return [
        (f"{TASKS:,} tasks, no executor", f"{ideal_wall:.1f} s", f"{ideal_cpu:.1f} CPU s, mean of two"),
        (f"{TASKS:,} tasks on Ray", f"{wall:.1f} s", f"{cpu:.1f} CPU s of all processes"),
        ("parallel efficiency", f"{100 * ideal_wall / wall:.1f} %", "of the ideal's wall time"),
        ("overhead", f"{1000 * (cpu - ideal_cpu) / TASKS:.2f} ms", "CPU per task"),
    ]  # fmt: skip


def study():
    from pipeline.study import Study

    return Study(
        name="overhead", tasks=["nasbench201/cifar10"], predictors=["slow"], train_sizes=[5, 10, 20, 40, 80],
        trials=TASKS // 5, plugins=[str(PLUGIN)],
    )  # fmt: skip


def ideal() -> tuple[float, float]:
    """Wall and CPU seconds of two processes that evaluate half of the tasks each."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    halves = [subprocess.Popen([sys.executable, __file__, "--half", str(half)], **pipes) for half in range(2)]
    for process in halves:
        process.stdout.readline()  # ready
    began = time.perf_counter()
    for process in halves:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    seconds = [float(process.communicate()[0]) for process in halves]
    return time.perf_counter() - began, sum(seconds)


def evaluate_half(half: int) -> None:
    """Evaluate every second task; a child process of the ideal run."""
    from pipeline.evaluate import evaluate_batch
    from pipeline.execute.threads import limit_threads
    from pipeline.run import context_of, prepare

    limit_threads()
    prepared = prepare(study(), None)
    context = context_of(prepared.study)
    tasks = prepared.plan.tasks[half::2]
    table = prepared.tables["nasbench201/cifar10"]
    evaluate_batch(tasks[:3], table, context)
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    while tasks:
        tasks = evaluate_batch(tasks, table, context).unfinished
    print(time.process_time() - before)


def _warm_up() -> None:
    """Start both workers and import what tasks import: a one-off cost of a run, measured by quickstart."""
    import ray

    def load() -> int:
        import pipeline.evaluate  # noqa: F401
        import predictors.registry  # noqa: F401

        time.sleep(1.0)
        return os.getpid()

    ray.get([ray.remote(load).remote() for _ in range(4)])


def _cpu_seconds() -> float:
    me = psutil.Process()
    processes = [me, *me.children(recursive=True)]
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def rows_of_plan() -> list[tuple[str, str, str]]:
    code = f"""
import resource, time
from pipeline.plan import make_plan
from pipeline.study import Study
from tasks.benchmarks.catalog import load_benchmark
names = ["nasbench201/cifar10", "nasbench201/cifar100", "nasbench201/imagenet16-120"]
tables = {{name: load_benchmark(name) for name in names}}
predictors = [{{"name": "rf", "params": {{"n_estimators": 50 + i}}}} for i in range(50)]
sizes = [5, 8, 14, 24, 42, 71, 121, 205, 347, 589]
trials = {PLAN} // 1500 + 1
study = Study(name="large", tasks=names, predictors=predictors, train_sizes=sizes, trials=trials)
began = time.perf_counter()
plan = make_plan(study, tables)
keys = [task.key for task in plan.tasks]
print(len(set(keys)), time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    count, seconds, memory = _python(code).split()
    return [
        (f"plan of {int(count):,} tasks with keys", f"{float(seconds):.1f} s", f"{float(memory):.0f} MB peak")
    ]


def rows_of_start() -> list[tuple[str, str, str]]:
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "--help"], cwd=ROOT, check=True, capture_output=True
        )
        seconds.append(time.perf_counter() - began)
    return [("naspred --help", f"{sorted(seconds)[2]:.2f} s", "median of 5")]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


def main() -> None:
    if sys.argv[1:2] == ["--half"]:
        evaluate_half(int(sys.argv[2]))
        return
    rows = [*rows_of_start(), *rows_of_plan(), *rows_of_tasks()]
    width = max(len(row[0]) for row in rows)
    for name, value, note in rows:
        print(f"{name:<{width}}  {value:>9}  {note}")


if __name__ == "__main__":
    main()

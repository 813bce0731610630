"""What the pipeline itself costs: per task, per plan, per start.

    python benchmarks/overhead.py

Prints one table. Tasks of about 10 ms of processor time run on a local Ray of two CPUs; ideal is
their processor time divided by two. Efficiency is stated as a ratio within one run, and overhead
in CPU seconds of all processes, so that a busy machine changes it little.
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
    from pipeline.study import Study

    study = Study(
        name="overhead", tasks=["nasbench201/cifar10"], predictors=["slow"], train_sizes=[5, 10, 20, 40, 80],
        trials=TASKS // 5, plugins=[str(PLUGIN)],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as out, session.ray_session("local", num_cpus=2):
        _warm_up()
        store = ResultStore(out)
        prepared = prepare(study, store)
        before, began = _cpu_seconds(), time.perf_counter()
        summary = execute(prepared, store, RayBackend(), Silent())
        wall, cpu = time.perf_counter() - began, _cpu_seconds() - before
        rows = store.read(["status", "fit_cpu_s", "predict_cpu_s", "started_at", "finished_at"]).to_pandas()
    assert summary.statuses["ok"] == TASKS, summary
    inside = float((rows["finished_at"] - rows["started_at"]).dt.total_seconds().sum())
    work = float((rows["fit_cpu_s"] + rows["predict_cpu_s"]).sum())
    return [
        (f"{TASKS} tasks, wall", f"{wall:.1f} s", ""),
        ("work inside the predictors, CPU", f"{work:.1f} s", f"{1000 * work / TASKS:.1f} ms per task"),
        (
            "time inside the tasks (sampling and metrics too)",
            f"{inside:.1f} s",
            f"{1000 * inside / TASKS:.1f} ms per task",
        ),
        (
            "CPU of all processes",
            f"{cpu:.1f} s",
            f"overhead over the predictors' work {1000 * (cpu - work) / TASKS:.2f} ms per task",
        ),
        ("parallel efficiency", f"{100 * work / 2 / wall:.1f} %", "predictors' CPU / 2 / wall"),
        ("the same of whole tasks", f"{100 * inside / 2 / wall:.1f} %", "time inside tasks / 2 / wall"),
    ]


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
    rows = [*rows_of_start(), *rows_of_plan(), *rows_of_tasks()]
    width = max(len(row[0]) for row in rows)
    for name, value, note in rows:
        print(f"{name:<{width}}  {value:>9}  {note}")


if __name__ == "__main__":
    main()

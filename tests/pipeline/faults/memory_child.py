"""Run by test_cluster.py: one task eats memory until Ray's memory monitor kills it."""

import json
import os
import sys

import psutil


def main():
    memory = psutil.virtual_memory()
    limit = (memory.total - memory.available + 2 * 2**30) / memory.total
    os.environ |= {"RAY_memory_usage_threshold": f"{limit:.4f}", "RAY_memory_monitor_refresh_ms": "50"}
    import ray
    from tests_support import FAULTS

    from pipeline.cost import CostModel
    from pipeline.evaluate import Context
    from pipeline.execute.ray_backend import RayBackend
    from pipeline.execute.scheduler import Scheduler
    from predictors import registry
    from tasks.benchmarks.catalog import load_benchmark
    from tasks.task import Task

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    registry.register_file(FAULTS)
    table = load_benchmark("nasbench201/cifar10")
    where = (table.space.name, table.dataset.name, table.fingerprint)
    tasks = [
        Task(name, "{}", 1, *where, "vary_train_size", 5, None, seed, "uniform", 20)
        for name, count in (("hungry", 1), ("sleepy", 5)) for seed in range(count)
    ]  # fmt: skip
    scheduler = Scheduler(CostModel({name: registry.get_info(name) for name in ("hungry", "sleepy")}))
    scheduler.add(tasks)
    rows = []

    class Sink:
        def take(self, result):
            rows.extend(result.rows)

        def in_flight(self, tasks):
            pass

    context = Context("t", plugins=(("faults.py", FAULTS.read_text()),))
    RayBackend().run(scheduler, {table.name: table}, context, Sink())
    columns = ("predictor", "status", "error_type", "error_message", "attempts")
    print("\n", end="")
    json.dump({"rows": [{name: row.get(name) for name in columns} for row in rows]}, sys.stdout)
    print()
    ray.shutdown()


if __name__ == "__main__":
    main()

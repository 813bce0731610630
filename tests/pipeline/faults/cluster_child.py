"""Run by test_cluster.py in its own process: a study on a cluster of several nodes, one of which dies.

Prints one JSON document. A process of its own, because the test session has a Ray already.
"""

import json
import os
import sys
import threading
import time

# A head takes 15 s to give up a node that has gone; the kill is as real with 3 s.
os.environ |= {"RAY_health_check_period_ms": "600", "RAY_health_check_initial_delay_ms": "600"}

import ray
from ray.cluster_utils import Cluster
from tests_support import FAULTS

from pipeline.cost import CostModel
from pipeline.evaluate import Context
from pipeline.execute.ray_backend import RayBackend
from pipeline.execute.scheduler import Scheduler
from predictors import registry
from tasks.benchmarks.catalog import load_benchmark
from tasks.task import Task


class Watched(Scheduler):
    """Counts the batches that did not come back."""

    crashes = 0

    def crashed(self, batch, kind):
        Watched.crashes += 1
        return super().crashed(batch, kind)


class Sink:
    """Kills a node once there are some results from it."""

    def __init__(self, kill):
        self.rows, self.kill, self.killed_at = [], kill, None

    def take(self, result):
        self.rows += result.rows

    def in_flight(self, tasks):
        if len(self.rows) >= 24 and self.killed_at is None:
            self.killed_at = len(self.rows)
            threading.Thread(target=self.kill).start()


def main():
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 200 * 2**20},
    )
    cluster.add_node(num_cpus=2, resources={"cpu_pool": 1})
    victim = cluster.add_node(num_cpus=2, resources={"cpu_pool": 1})
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    registry.register_file(FAULTS)
    table = load_benchmark("nasbench201/cifar10")
    where = (table.space.name, table.dataset.name, table.fingerprint)
    tasks = [
        Task(name, "{}", 1, *where, "vary_train_size", size, None, seed, "uniform", 20)
        for name, size, count in (("nap", 5, 32), ("resident_fine", None, 20)) for seed in range(count)
    ]  # fmt: skip
    scheduler = Watched(CostModel({name: registry.get_info(name) for name in ("nap", "resident_fine")}))
    scheduler.add(tasks)
    sink = Sink(lambda: cluster.remove_node(victim, allow_graceful=False))
    began = time.monotonic()
    context = Context("t", plugins=(("faults.py", FAULTS.read_text()),))
    RayBackend().run(scheduler, {table.name: table}, context, sink)
    keys = [row["key"] for row in sink.rows]
    print("\n", end="")
    json.dump(
        {
            "planned": len(tasks),
            "rows": len(keys),
            "distinct": len(set(keys)),
            "statuses": sorted({row["status"] for row in sink.rows}),
            "crashes": Watched.crashes,
            "killed_at": sink.killed_at,
            "alive": sum(node["Alive"] for node in ray.nodes()),
            "seconds": time.monotonic() - began,
        },
        sys.stdout,
    )
    print()  # Ray prints to standard output, too: the document stands on a line of its own
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()

"""Connecting to Ray, and checking that the cluster can run what is asked of it."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.execute.threads import THREAD_VARIABLES
from tasks.errors import InputError, RunError

CPU_POOL = "cpu_pool"
"""Custom resource that only CPU node types offer. Tasks without a GPU ask for a trace of it, or an
autoscaler that has used up its CPU nodes starts GPU nodes for them."""

CPU_POOL_SHARE = 0.001
CLIENT_ATTEMPTS = 4
CLUSTER_CONFIG = "~/ray_bootstrap_config.yaml"
"""Where ``ray up`` leaves the cluster's configuration on the head node."""


@contextmanager
def ray_session(address: str = "local", *, num_cpus: int | None = None) -> Iterator[None]:
    """Connect to Ray for the duration of a block.

    A connection that the process already has is used as it is, and left open.

    Args:
        address: ``local`` starts a Ray of its own on this machine; ``auto`` joins the cluster
            this machine belongs to; ``ray://host:10001`` is a remote cluster; ``host:port`` is the
            address of a head node.
        num_cpus: CPUs of a local Ray; all of them if None.

    Raises:
        InputError: There is no cluster at the address.
        RunError: Ray did not start in time.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    threads = dict.fromkeys(THREAD_VARIABLES, "1")
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == "local":
            # Workers inherit the driver's environment; no runtime_env, which would cost its agent.
            os.environ.update(threads)
            ray.init(address="local", num_cpus=num_cpus, include_dashboard=False, **common)
        else:
            _join(address, {"runtime_env": {"env_vars": threads}, **common})
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"--address {address}: cannot connect to Ray ({error}). Use 'local' for this machine, 'auto' "
            "on a node of a cluster, or ray://HEAD:10001 from outside"
        ) from error
    except Exception as error:
        # Ray gives up waiting for its own processes with an error of no class of its own.
        if type(error) is not Exception and not isinstance(error, TimeoutError):
            raise
        ray.shutdown()
        raise RunError(
            f"Ray did not start in time ({error}). The machine may be too busy or short of memory: run the "
            "same command again, or in this process with --serial; Ray's logs are in /tmp/ray/session_latest"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str, settings: dict[str, Any]) -> None:
    """Connect to a running cluster.

    The head starts a server process per client, and gives up at once on one that is slow to show
    itself; then, and only then, connecting again helps.
    """
    import ray

    for attempt in range(CLIENT_ATTEMPTS):
        try:
            ray.init(address=address, **settings)
        except (ConnectionError, RuntimeError) as error:
            ray.shutdown()
            if "Initialization failure from server" not in str(error) or attempt == CLIENT_ATTEMPTS - 1:
                raise
            time.sleep(2.0)
        else:
            return


def cpu_slots() -> int:
    """Return the CPUs of the cluster as it is now; 0 before an autoscaler has started any node."""
    import ray

    return int(ray.cluster_resources().get("CPU", 0))


def places(shape: Mapping[str, float]) -> int | None:
    """Return how many actors of one resource shape can be there at once.

    Args:
        shape: What one needs, e.g. ``{"CPU": 1, "GPU": 0.25}``; a need of 0 is none.

    Returns:
        On the nodes that are there, or on as many as the cluster's configuration allows if that is
        more; None if an autoscaler of unknown limits may add nodes.
    """
    import ray

    here = sum(_fitting(shape, node["Resources"]) for node in ray.nodes() if node["Alive"])
    config = _config_file()
    if config.is_file():
        types = _node_types(config)
        return max(here, sum(most * _fitting(shape, resources) for resources, most in types))
    return None if _has_autoscaler() else here


def has_other_nodes(address: str) -> bool:
    """Whether there are nodes besides the one that this process is on, or an autoscaler may add some.

    Args:
        address: As for ``ray_session``, which is connected to it.
    """
    import ray

    if address.startswith("ray://"):
        return True  # the process is on none of them
    own = ray.get_runtime_context().get_node_id()
    if any(node["Alive"] and node["NodeID"] != own for node in ray.nodes()):
        return True
    return address != "local" and (_config_file().is_file() or _has_autoscaler())


def _fitting(shape: Mapping[str, float], node: Mapping[str, float]) -> int:
    return min(int(node.get(name, 0.0) / need + 1e-9) for name, need in shape.items() if need > 0)


def node_offers() -> tuple[list[dict[str, float]], bool]:
    """Return the resources of each node or node type, and whether the list is complete.

    It is complete for a cluster without autoscaler, and on the head node of one whose
    configuration can be read there.
    """
    import ray

    offers = [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]
    config = _config_file()
    if config.is_file():
        offers += offers_of_config(config)
        return offers, True
    return offers, not _has_autoscaler()


def offers_of_config(path: Path) -> list[dict[str, float]]:
    """Return the resources of each node type of a cluster configuration.

    Raises:
        InputError: The file is not a cluster configuration.
    """
    return [resources for resources, _ in _node_types(path)]


def _config_file() -> Path:
    return Path(os.environ.get("NASPRED_CLUSTER_CONFIG", CLUSTER_CONFIG)).expanduser()


def _node_types(path: Path) -> list[tuple[dict[str, float], int]]:
    """Resources and largest number of the node types of which there may be workers."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [
            (
                {name: float(value) for name, value in kind["resources"].items()},
                int(kind.get("max_workers", document.get("max_workers", 1))),
            )
            for kind in document["available_node_types"].values()
            if kind.get("max_workers", 1) != 0
        ]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path}: not a Ray cluster configuration with available_node_types ({error!r})"
        ) from error


def _has_autoscaler() -> bool:
    """Whether nodes may join that are not there yet.

    Every head runs a monitor; without an autoscaler it names node types after the nodes themselves.
    """
    import ray
    from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_initialized

    status = _internal_kv_get(b"__autoscaling_status") if _internal_kv_initialized() else None
    if not status:
        return False
    report = json.loads(status).get("autoscaler_report") or {}
    own = {f"node_{node['NodeID']}" for node in ray.nodes()}
    return not own.issuperset(report.get("active_nodes") or {})


def offers_cpu_pool(offers: list[dict[str, float]]) -> bool:
    """Whether tasks without a GPU should ask for a trace of the CPU pool."""
    return any(CPU_POOL in offer for offer in offers) or os.environ.get("NASPRED_CPU_POOL") == "1"


def check_fits(
    shapes: list[dict[str, float]], offers: list[dict[str, float]], *, complete: bool
) -> list[str]:
    """Check that every resource shape fits one node type.

    Args:
        shapes: What one task or actor needs, e.g. ``{"CPU": 1, "GPU": 0.25}``.
        offers: Resources of each node type.
        complete: Whether there can be no other node types.

    Returns:
        Warnings about shapes that nothing known offers, where node types may be unknown.

    Raises:
        InputError: A shape fits no node type; Ray would wait for ever, without an error.
    """
    problems = []
    for shape in shapes:
        if not any(all(offer.get(name, 0.0) >= need for name, need in shape.items()) for offer in offers):
            wanted = ", ".join(f"{need:g} {name}" for name, need in shape.items())
            largest = {name: max((offer.get(name, 0.0) for offer in offers), default=0.0) for name in shape}
            has = ", ".join(f"{value:g} {name}" for name, value in largest.items())
            problems.append(f"the plan needs a node with {wanted}; the largest offered are {has}")
    if problems and complete:
        raise InputError("the cluster cannot run this study: " + "; ".join(problems))
    return problems

"""deploy/rayjob.yaml and deploy/Dockerfile, checked without a Kubernetes cluster.

Ray's own code that reads a cluster object of KubeRay runs on the file; what Ray never reads is
checked against the fields of the RayJob interface (KubeRay 1.5.1, ray.io/v1).
"""

from __future__ import annotations

import copy
import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

from pipeline.execute import session

ROOT = Path(__file__).parents[2]
RAW: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "rayjob.yaml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
AWS: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

Job = dict[str, Any]

JOB_FIELDS = {
    "activeDeadlineSeconds", "backoffLimit", "clusterSelector", "deletionStrategy", "entrypoint",
    "entrypointNumCpus", "entrypointNumGpus", "entrypointResources", "jobId", "managedBy", "metadata",
    "rayClusterSpec", "runtimeEnvYAML", "shutdownAfterJobFinishes",
    "submissionMode", "submitterConfig", "submitterPodTemplate", "suspend", "ttlSecondsAfterFinished",
}  # fmt: skip
CLUSTER_FIELDS = {
    "authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "gcsFaultToleranceOptions",
    "headGroupSpec", "headServiceAnnotations", "managedBy", "rayVersion", "suspend", "upgradeStrategy",
    "workerGroupSpecs",
}  # fmt: skip
HEAD_FIELDS = {
    "enableIngress", "headService", "labels", "rayStartParams", "resources", "serviceType", "template",
}  # fmt: skip
GROUP_FIELDS = {
    "groupName", "idleTimeoutSeconds", "labels", "maxReplicas", "minReplicas", "numOfHosts",
    "rayStartParams", "replicas", "resources", "scaleStrategy", "suspend", "template",
}  # fmt: skip
AUTOSCALER_FIELDS = {
    "env", "envFrom", "idleTimeoutSeconds", "image", "imagePullPolicy", "resources", "securityContext",
    "upscalingMode", "version", "volumeMounts",
}  # fmt: skip


def cluster(job: Job) -> Job:
    return job["spec"]["rayClusterSpec"]


def groups(job: Job) -> dict[str, Job]:
    return {group["groupName"]: group for group in cluster(job)["workerGroupSpecs"]}


def container(group: Job) -> Job:
    (only,) = group["template"]["spec"]["containers"]
    return only


def all_groups(job: Job) -> dict[str, Job]:
    return {"head": cluster(job)["headGroupSpec"], **groups(job)}


def autoscaling(job: Job) -> Job:
    """What Ray's autoscaler makes of the cluster object."""
    metadata = {"name": "test", "namespace": "default"}
    return _derive_autoscaling_config_from_ray_cr({"metadata": metadata, "spec": cluster(job)})


def check_known_fields(job: Job) -> None:
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,45}[a-z0-9])?", job["metadata"]["name"])
    assert set(job) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(job["spec"]) <= JOB_FIELDS
    assert set(cluster(job)) <= CLUSTER_FIELDS
    assert set(cluster(job)["headGroupSpec"]) <= HEAD_FIELDS
    assert set(cluster(job)["autoscalerOptions"]) <= AUTOSCALER_FIELDS
    for group in groups(job).values():
        assert set(group) <= GROUP_FIELDS
    for group in all_groups(job).values():
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def check_entrypoint_is_one_command(job: Job) -> None:
    words = list(shlex.shlex(job["spec"]["entrypoint"], posix=True, punctuation_chars=True))
    assert not {"&&", "||", ";", "|", "&", ">", "(", ")"} & set(words)
    arguments = shlex.split(job["spec"]["entrypoint"])
    assert arguments[:2] == ["naspred", "run"]
    assert arguments[arguments.index("--address") + 1] == "auto"
    assert arguments[arguments.index("--out") + 1].startswith("s3://")
    mounts = {mount["mountPath"] for mount in container(cluster(job)["headGroupSpec"])["volumeMounts"]}
    assert str(Path(arguments[2]).parent) in mounts, "the study file must be in the head's container"
    assert not {"entrypointNumCpus", "entrypointNumGpus"} & set(job["spec"]), "the driver stays on the head"


def check_runtime_env(job: Job) -> None:
    env = yaml.safe_load(job["spec"]["runtimeEnvYAML"])
    assert not {"pip", "conda", "uv"} & set(env), "packages belong into the image"
    assert not [name for name in env["env_vars"] if name.endswith("_NUM_THREADS")]


def check_end_of_life(job: Job) -> None:
    spec = job["spec"]
    assert spec["submissionMode"] == "K8sJobMode"
    assert spec["shutdownAfterJobFinishes"] is True
    assert 0 < spec["ttlSecondsAfterFinished"] <= 3600
    assert spec["activeDeadlineSeconds"] > 0
    assert 0 < spec["backoffLimit"] <= 5


def check_autoscaling(job: Job) -> None:
    assert cluster(job)["enableInTreeAutoscaling"] is True
    config = autoscaling(job)
    assert config["idle_timeout_minutes"] == AWS["idle_timeout_minutes"]
    types = config["available_node_types"]
    head = types.pop(config["head_node_type"])
    assert head["resources"]["CPU"] == 0
    assert cluster(job)["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for name, group in groups(job).items():
        assert types[name]["min_workers"] == group["replicas"] == 0
        assert 0 < types[name]["max_workers"] < 100
    for demand in ({"CPU": 1, "cpu_pool": 0.001}, {"CPU": 1, "GPU": 1}):
        fits = [t for t in types.values() if all(t["resources"].get(k, 0) >= v for k, v in demand.items())]
        assert fits, demand


def check_cpu_tasks_cannot_start_gpu_pods(job: Job) -> None:
    for name, node_type in autoscaling(job)["available_node_types"].items():
        pool = node_type["resources"].get("cpu_pool")
        assert pool == (1 if name == "cpu" else None), name
    # KubeRay writes the value into a shell command; Ray must get JSON.
    quoted = groups(job)["cpu"]["rayStartParams"]["resources"]
    (option,) = shlex.split(f"--resources={quoted}")
    assert json.loads(option.removeprefix("--resources=")) == {"cpu_pool": 1}


def check_driver_knows_of_the_cpu_pool(job: Job) -> None:
    # Before the first pod of the group has started, nothing else tells the driver.
    env = container(cluster(job)["headGroupSpec"])["env"]
    assert {"name": "NASPRED_CPU_POOL", "value": "1"} in env


def check_gpu_limits(job: Job) -> None:
    for name, group in all_groups(job).items():
        resources = container(group)["resources"]
        assert resources["requests"] == resources["limits"], name
        assert ("nvidia.com/gpu" in resources["limits"]) == (name == "gpu"), name
    assert container(groups(job)["gpu"])["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert any(t["key"] == "nvidia.com/gpu" for t in groups(job)["gpu"]["template"]["spec"]["tolerations"])


def check_images(job: Job) -> None:
    assert cluster(job)["rayVersion"] == ray.__version__
    python = AWS["docker"]["image"].split("-")[1]
    for name, group in all_groups(job).items():
        tag = container(group)["image"].partition(":")[2]
        assert tag == f"{ray.__version__}-{python}-{'gpu' if name == 'gpu' else 'cpu'}", name


def check_token_authentication(job: Job) -> None:
    assert cluster(job)["authOptions"] == {"mode": "token"}


def check_only_the_head_may_write_results(job: Job) -> None:
    for name, group in all_groups(job).items():
        secrets = [source["secretRef"]["name"] for source in container(group).get("envFrom", [])]
        assert secrets == (["naspred-s3"] if name == "head" else []), name
        plain = [variable for variable in container(group).get("env", []) if "value" in variable]
        assert not [variable for variable in plain if "AWS" in variable["name"]], "no secrets in the file"


CHECKS: list[Callable[[Job], None]] = [
    check_known_fields,
    check_entrypoint_is_one_command,
    check_runtime_env,
    check_end_of_life,
    check_autoscaling,
    check_cpu_tasks_cannot_start_gpu_pods,
    check_driver_knows_of_the_cpu_pool,
    check_gpu_limits,
    check_images,
    check_token_authentication,
    check_only_the_head_may_write_results,
]

DELETE = object()
CLUSTER = "spec/rayClusterSpec"
HEAD = f"{CLUSTER}/headGroupSpec"
CPU, GPU = f"{CLUSTER}/workerGroupSpecs/0", f"{CLUSTER}/workerGroupSpecs/1"
POD = "template/spec/containers/0"
RUN = "naspred run /home/ray/study/study.yaml --address auto --out s3://b/p"

MUTATIONS: list[tuple[Callable[[Job], None], str, Any]] = [
    (check_known_fields, "apiVersion", "ray.io/v1alpha1"),
    (check_known_fields, "metadata/name", "Naspred_1"),
    (check_known_fields, "spec/shutdownAfterJobFinish", True),
    (check_known_fields, f"{CLUSTER}/enableInTreeAutoscaler", True),
    (check_known_fields, f"{CLUSTER}/autoscalerOptions/idleTimeout", 300),
    (check_known_fields, f"{GPU}/maxReplica", 4),
    (check_known_fields, f"{HEAD}/rayStartParams/num-cpus", 0),
    (check_entrypoint_is_one_command, "spec/entrypoint", f"{RUN} && naspred report s3://b/p"),
    (check_entrypoint_is_one_command, "spec/entrypoint", f"cd /tmp; {RUN}"),
    (check_entrypoint_is_one_command, "spec/entrypoint", RUN.replace("s3://b/p", "/tmp/out")),
    (check_entrypoint_is_one_command, "spec/entrypoint", RUN.replace("auto", "local")),
    (check_entrypoint_is_one_command, "spec/entrypoint", RUN.replace("/study/", "/other/")),
    (check_entrypoint_is_one_command, "spec/entrypointNumCpus", 1),
    (check_runtime_env, "spec/runtimeEnvYAML", "pip: [naspred]\nenv_vars: {}"),
    (check_runtime_env, "spec/runtimeEnvYAML", "env_vars: {OMP_NUM_THREADS: '1'}"),
    (check_end_of_life, "spec/submissionMode", "InteractiveMode"),
    (check_end_of_life, "spec/shutdownAfterJobFinishes", False),
    (check_end_of_life, "spec/ttlSecondsAfterFinished", DELETE),
    (check_end_of_life, "spec/activeDeadlineSeconds", DELETE),
    (check_end_of_life, "spec/backoffLimit", DELETE),
    (check_end_of_life, "spec/backoffLimit", 100),
    (check_autoscaling, f"{CLUSTER}/enableInTreeAutoscaling", False),
    (check_autoscaling, f"{CLUSTER}/autoscalerOptions/idleTimeoutSeconds", 3600),
    (check_autoscaling, f"{HEAD}/rayStartParams/num-cpus", "2"),
    (check_autoscaling, f"{HEAD}/rayStartParams/num-cpus", DELETE),
    (check_autoscaling, f"{GPU}/minReplicas", 1),
    (check_autoscaling, f"{GPU}/maxReplicas", DELETE),
    (check_gpu_limits, f"{GPU}/{POD}/resources/limits/cpu", DELETE),
    (check_autoscaling, f"{CPU}/replicas", 2),
    (check_cpu_tasks_cannot_start_gpu_pods, f"{GPU}/rayStartParams/resources", '"{\\"cpu_pool\\": 1}"'),
    (check_cpu_tasks_cannot_start_gpu_pods, f"{CPU}/rayStartParams/resources", '{"cpu_pool": 1}'),
    (check_cpu_tasks_cannot_start_gpu_pods, f"{CPU}/rayStartParams/resources", '"{\\"cpu_pool\\": 0.5}"'),
    (check_cpu_tasks_cannot_start_gpu_pods, f"{CPU}/rayStartParams/resources", '"{"cpu_pool": 1}"'),
    (check_driver_knows_of_the_cpu_pool, f"{HEAD}/{POD}/env/0/value", 1),
    (check_driver_knows_of_the_cpu_pool, f"{HEAD}/{POD}/env", DELETE),
    (check_gpu_limits, f"{GPU}/{POD}/resources/limits/nvidia.com~1gpu", DELETE),
    (check_gpu_limits, f"{CPU}/{POD}/resources/limits/nvidia.com~1gpu", "1"),
    (check_gpu_limits, f"{GPU}/template/spec/tolerations", []),
    (check_images, f"{CLUSTER}/rayVersion", "2.59.0"),
    (check_images, f"{GPU}/{POD}/image", "my-registry/naspred:2.60.0-py311-cpu"),
    (check_images, f"{HEAD}/{POD}/image", "my-registry/naspred:latest"),
    (check_images, f"{CPU}/{POD}/image", "my-registry/naspred:2.60.0-py312-cpu"),
    (check_token_authentication, f"{CLUSTER}/authOptions", DELETE),
    (check_token_authentication, f"{CLUSTER}/authOptions/mode", "disabled"),
    (check_only_the_head_may_write_results, f"{HEAD}/{POD}/envFrom", DELETE),
    (check_only_the_head_may_write_results, f"{CPU}/{POD}/envFrom", [{"secretRef": {"name": "naspred-s3"}}]),
    (
        check_only_the_head_may_write_results,
        f"{HEAD}/{POD}/env",
        [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}],
    ),
]


def edit(job: Job, path: str, value: Any) -> None:
    """Set or delete the value at a path; ``~1`` stands for a slash in a key."""
    *parents, last = path.split("/")
    place: Any = job
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is DELETE:
        del place[last.replace("~1", "/")]
    else:
        place[last.replace("~1", "/")] = value


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_rayjob_yaml_passes(check: Callable[[Job], None]) -> None:
    check(copy.deepcopy(RAW))


@pytest.mark.parametrize(("check", "path", "value"), MUTATIONS)
def test_mutation_is_caught(check: Callable[[Job], None], path: str, value: Any) -> None:
    job = copy.deepcopy(RAW)
    edit(job, path, value)
    assert job != RAW
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check(job)


def test_every_check_is_shown_to_fail() -> None:
    assert {check for check, _, _ in MUTATIONS} == set(CHECKS)


def test_dockerfile_builds_from_the_image_of_the_clusters() -> None:
    bases = re.findall(r"^FROM (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    assert [base.replace("${PLATFORM}", "cpu") for base in bases] == [AWS["docker"]["image"]]
    assert re.findall(r"ray\[default\]==([\d.]+)", DOCKERFILE) == [ray.__version__]


def test_dockerfile_copies_what_a_build_needs() -> None:
    copied = {
        name
        for line in re.findall(r"^COPY --chown=\S+ (.+)$", DOCKERFILE, flags=re.MULTILINE)
        for name in line.split()[:-1]
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {p.rstrip("*") for p in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], *packages}
    assert copied == needed
    assert all((ROOT / name).exists() for name in copied)


def test_driver_asks_for_the_cpu_pool_by_the_variable_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    (variable,) = container(cluster(RAW)["headGroupSpec"])["env"]
    monkeypatch.delenv(variable["name"], raising=False)
    assert not session.offers_cpu_pool([])
    monkeypatch.setenv(variable["name"], variable["value"])
    assert session.offers_cpu_pool([])

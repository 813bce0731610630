"""cluster.yaml, checked without a cloud: what Ray checks, and what Ray accepts silently."""

from __future__ import annotations

import copy
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import ray
import yaml
from botocore.validate import ParamValidator
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from ray.autoscaler._private.util import prepare_config, validate_config

from pipeline.execute import session
from tasks.errors import InputError

ROOT = Path(__file__).parents[2]
RAW: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUN_INSTANCES = (
    botocore.session.Session().get_service_model("ec2").operation_model("RunInstances").input_shape
)

DEMANDS = (
    {"CPU": 1, session.CPU_POOL: session.CPU_POOL_SHARE},  # a batch of a label-based predictor
    {"CPU": 1, "GPU": 1},  # an actor: PredictorInfo.num_gpus is at most 1
)
CUSTOM_RESOURCES = {session.CPU_POOL}

Config = dict[str, Any]


def prepared(config: Config) -> Config:
    return prepare_config(copy.deepcopy(config))


def node_types(config: Config) -> dict[str, Config]:
    return config["available_node_types"]


def head(config: Config) -> Config:
    return node_types(config)[config["head_node_type"]]


def workers(config: Config) -> dict[str, Config]:
    return {name: t for name, t in node_types(config).items() if name != config["head_node_type"]}


def tags(config: Config) -> dict[str, tuple[str, str, str]]:
    """Return (Ray version, Python, platform) of the image of each node type."""
    docker = config["docker"]
    images = {
        name: t.get("docker", {}).get("worker_image", docker["image"]) for name, t in workers(config).items()
    }
    images[config["head_node_type"]] = docker.get("head_image", docker["image"])
    parts = {name: image.partition(":")[2].split("-") for name, image in images.items()}
    return {name: (version, python, platform) for name, (version, python, platform) in parts.items()}


def setup_commands(config: Config) -> dict[str, str]:
    full = prepared(config)
    by_type = {
        name: t.get("worker_setup_commands", full["worker_setup_commands"])
        for name, t in workers(config).items()
    }
    by_type[config["head_node_type"]] = full["head_setup_commands"]
    return {name: "\n".join(commands) for name, commands in by_type.items()}


# The checks. Each raises for a file that is wrong in its way.


def check_ray_accepts(config: Config) -> None:
    validate_config(prepared(config))


def check_keys_that_ray_would_fill_in(config: Config) -> None:
    assert config.get("cluster_name") not in {None, "", "default"}
    assert isinstance(config.get("max_workers"), int)
    assert "min_workers" not in config, "a top-level min_workers is dropped by Ray"
    assert config["idle_timeout_minutes"] == 5
    assert config["upscaling_speed"] > 0
    assert {"head_node", "worker_nodes"}.isdisjoint(config)
    for name, node_type in node_types(config).items():
        assert isinstance(node_type.get("max_workers"), int), name
        assert node_type.get("min_workers") == 0, name
    assert sum(t["max_workers"] for t in workers(config).values()) == config["max_workers"]


def check_provider(config: Config) -> None:
    provider = config["provider"]
    assert provider["type"] == "aws"
    assert provider["region"] in botocore.session.Session().get_available_regions("ec2")
    assert provider["cache_stopped_nodes"] is False


def check_head(config: Config) -> None:
    assert head(config)["resources"] == {"CPU": 0}
    assert head(config)["max_workers"] == 0
    assert "InstanceMarketOptions" not in head(config)["node_config"], "the driver must not run on spot"
    assert head(config)["node_config"]["IamInstanceProfile"]["Name"]


def check_workers_are_spot(config: Config) -> None:
    for name, node_type in workers(config).items():
        assert node_type["node_config"].get("InstanceMarketOptions", {}).get("MarketType") == "spot", name


def check_node_config_parameters(config: Config) -> None:
    for name, node_type in node_types(config).items():
        request = {**node_type["node_config"], "MinCount": 1, "MaxCount": 1}
        report = ParamValidator().validate(request, RUN_INSTANCES)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"


def check_node_config_values(config: Config) -> None:
    def wrong(value: Any, shape: Any, path: str) -> list[str]:
        if shape.type_name == "structure":
            return [
                e
                for k, v in value.items()
                if k in shape.members
                for e in wrong(v, shape.members[k], f"{path}.{k}")
            ]
        if shape.type_name == "list":
            return [e for item in value for e in wrong(item, shape.member, f"{path}[]")]
        return [f"{path}: {value!r}"] if getattr(shape, "enum", []) and value not in shape.enum else []

    errors = [
        e for name, t in node_types(config).items() for e in wrong(t["node_config"], RUN_INSTANCES, name)
    ]
    assert not errors, errors
    assert all(
        "InstanceType" in t["node_config"] and "ImageId" in t["node_config"]
        for t in node_types(config).values()
    )


def check_every_demand_fits_a_type(config: Config) -> None:
    offers = {name: t["resources"] for name, t in workers(config).items() if t["max_workers"] > 0}
    for resource in CUSTOM_RESOURCES:
        assert any(resource in offer for offer in offers.values()), f"no node type offers {resource}"
    for demand in DEMANDS:
        fits = [n for n, offer in offers.items() if all(offer.get(k, 0) >= v for k, v in demand.items())]
        assert fits, f"{demand} fits no node type and would wait for ever"


def check_cpu_tasks_cannot_start_gpu_nodes(config: Config) -> None:
    for name, node_type in node_types(config).items():
        resources = node_type["resources"]
        if name == config["head_node_type"] or resources.get("GPU"):
            assert "cpu_pool" not in resources, name
        else:
            assert resources["cpu_pool"] == 1, name


def check_images(config: Config) -> None:
    assert {ray_version for ray_version, _, _ in tags(config).values()} == {ray.__version__}
    assert len({python for _, python, _ in tags(config).values()}) == 1, "one Python version on all nodes"
    for name, node_type in node_types(config).items():
        assert tags(config)[name][2] == ("gpu" if node_type["resources"].get("GPU") else "cpu"), name


def check_versions_of_the_project(config: Config) -> None:
    (requirement,) = [r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "ray"]
    for ray_version, python, _ in tags(config).values():
        assert requirement.specifier.contains(ray_version), f"pyproject.toml wants {requirement}"
        major, minor = python.removeprefix("py")[0], python.removeprefix("py")[1:]
        assert SpecifierSet(PROJECT["requires-python"]).contains(f"{major}.{minor}")


def check_setup_commands(config: Config) -> None:
    wheel = f"naspred-{PROJECT['version']}-py3-none-any.whl[s3]"
    for name, commands in setup_commands(config).items():
        words = shlex.split(commands)
        assert f"/home/ray/dist/{wheel}" in words, name
        named = [word for word in words if re.match(r"ray\b(?!\.|/)", word)]
        assert named == [f"ray[default]=={tags(config)[name][0]}"], name
    assert "boto3" in shlex.split(setup_commands(config)[config["head_node_type"]])
    assert config["file_mounts"]["/home/ray/dist"] == "dist"


def check_start_commands(config: Config) -> None:
    for kind, target in (("head", "--head"), ("worker", "--address=$RAY_HEAD_IP:6379")):
        commands = config[f"{kind}_start_ray_commands"]
        assert commands[0] == "ray stop", kind
        assert [c for c in commands if "ray start" in c] == commands[1:], kind
        (start,) = commands[1:]
        assert f"ray start {target} " in start, start
        assert ("--autoscaling-config=~/ray_bootstrap_config.yaml" in start) == (kind == "head")
        assert "--dashboard-host" not in start, "the dashboard stays on the loopback interface"


def check_token_authentication(config: Config) -> None:
    for kind in ("head", "worker"):
        assert "RAY_AUTH_MODE=token ray start " in config[f"{kind}_start_ray_commands"][-1], kind
    assert "-e RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    assert config["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"


CHECKS: list[Callable[[Config], None]] = [
    check_ray_accepts,
    check_keys_that_ray_would_fill_in,
    check_provider,
    check_head,
    check_workers_are_spot,
    check_node_config_parameters,
    check_node_config_values,
    check_every_demand_fits_a_type,
    check_cpu_tasks_cannot_start_gpu_nodes,
    check_images,
    check_versions_of_the_project,
    check_setup_commands,
    check_start_commands,
    check_token_authentication,
]

DELETE = object()


def edit(path: str, value: Any) -> Callable[[Config], None]:
    """Set or delete the value at a path like ``docker/image``; ``~1`` stands for a slash in a key."""

    def apply(config: Config) -> None:
        *parents, last = path.split("/")
        place: Any = config
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place[key]
        key = int(last) if isinstance(place, list) else last.replace("~1", "/")
        if value is DELETE:
            del place[key]
        elif callable(value):
            place[key] = value(place[key])
        else:
            place[key] = value

    return apply


HEAD, CPU, GPU = (f"available_node_types/{name}" for name in ("head", "cpu_spot", "gpu_spot"))

MUTATIONS: list[tuple[Callable[[Config], None], str, Any]] = [
    (check_ray_accepts, "idle_timeout", 5),
    (check_ray_accepts, f"{CPU}/min_worker", 0),
    (check_ray_accepts, "idle_timeout_minutes", "5"),
    (check_ray_accepts, f"{CPU}/resources/cpu_pool", 0.5),
    (check_ray_accepts, f"{CPU}/resources", DELETE),
    (check_ray_accepts, f"{CPU}/node_config", DELETE),
    (check_ray_accepts, "head_node_type", "no_such_type"),
    (check_ray_accepts, f"{GPU}/min_workers", 21),
    (check_ray_accepts, "docker/image", DELETE),
    (check_ray_accepts, "docker/container_name", DELETE),
    (check_keys_that_ray_would_fill_in, "cluster_name", DELETE),
    (check_keys_that_ray_would_fill_in, "max_workers", DELETE),
    (check_keys_that_ray_would_fill_in, "max_workers", 4),
    (check_keys_that_ray_would_fill_in, "min_workers", 2),
    (check_keys_that_ray_would_fill_in, "idle_timeout_minutes", DELETE),
    (check_keys_that_ray_would_fill_in, "idle_timeout_minutes", 500),
    (check_keys_that_ray_would_fill_in, "upscaling_speed", 0),
    (check_keys_that_ray_would_fill_in, f"{CPU}/max_workers", DELETE),
    (check_keys_that_ray_would_fill_in, f"{HEAD}/max_workers", DELETE),
    (check_keys_that_ray_would_fill_in, f"{GPU}/min_workers", 1),
    (check_keys_that_ray_would_fill_in, "worker_nodes", {"InstanceType": "g5.xlarge"}),
    (check_provider, "provider/type", "gcp"),
    (check_provider, "provider/region", "us-west-22"),
    (check_provider, "provider/cache_stopped_nodes", DELETE),
    (check_head, f"{HEAD}/resources/CPU", 4),
    (check_head, f"{HEAD}/resources", {}),
    (check_head, f"{HEAD}/max_workers", 1),
    (check_head, f"{HEAD}/node_config/InstanceMarketOptions", {"MarketType": "spot"}),
    (check_head, f"{HEAD}/node_config/IamInstanceProfile", DELETE),
    (check_workers_are_spot, f"{CPU}/node_config/InstanceMarketOptions", DELETE),
    (check_workers_are_spot, f"{GPU}/node_config/InstanceMarketOptions", {"MarketType": "on-demand"}),
    (check_node_config_parameters, f"{CPU}/node_config/InstanceTyp", "c7i.4xlarge"),
    (check_node_config_parameters, f"{CPU}/node_config/InstanceMarketOptions", {"Market": "spot"}),
    (check_node_config_parameters, f"{GPU}/node_config/BlockDeviceMappings/0/Ebs/VolumSize", 100),
    (check_node_config_parameters, f"{GPU}/node_config/BlockDeviceMappings/0/Ebs/VolumeSize", "100"),
    (check_node_config_parameters, f"{HEAD}/node_config/MetadataOptions/HttpToken", "required"),
    (check_node_config_values, f"{CPU}/node_config/InstanceType", "c7i.5xlarge"),
    (check_node_config_values, f"{GPU}/node_config/InstanceMarketOptions/MarketType", "spott"),
    (check_node_config_values, f"{GPU}/node_config/BlockDeviceMappings/0/Ebs/VolumeType", "gp33"),
    (check_node_config_values, f"{HEAD}/node_config/MetadataOptions/HttpTokens", "yes"),
    (check_node_config_values, f"{GPU}/node_config/ImageId", DELETE),
    (check_every_demand_fits_a_type, f"{CPU}/resources/cpu_pool", DELETE),
    (check_every_demand_fits_a_type, f"{CPU}/max_workers", 0),
    (check_every_demand_fits_a_type, f"{GPU}/resources/GPU", DELETE),
    (check_every_demand_fits_a_type, f"{GPU}/resources/CPU", 0),
    (check_cpu_tasks_cannot_start_gpu_nodes, f"{GPU}/resources/cpu_pool", 1),
    (check_cpu_tasks_cannot_start_gpu_nodes, f"{HEAD}/resources/cpu_pool", 1),
    (check_images, "docker/image", "rayproject/ray:latest-py311-cpu"),
    (check_images, "docker/image", "rayproject/ray:2.59.0-py311-cpu"),
    (check_images, "docker/head_image", "rayproject/ray:2.60.0-py312-cpu"),
    (check_images, f"{GPU}/docker", DELETE),
    (check_images, f"{GPU}/docker/worker_image", "rayproject/ray:2.60.1-py311-gpu"),
    (check_versions_of_the_project, "docker/image", "rayproject/ray:2.60.0-py310-cpu"),
    (check_setup_commands, "setup_commands/1", 'pip install naspred "ray[default]==2.60.0" boto3'),
    (check_setup_commands, "setup_commands/1", lambda c: c.replace('"ray[default]==2.60.0"', "")),
    (check_setup_commands, "setup_commands/1", lambda c: c.replace("boto3", "")),
    (check_setup_commands, "setup_commands/1", lambda c: c + "\npip install -U ray"),
    (check_setup_commands, f"{GPU}/worker_setup_commands", []),
    (check_setup_commands, "file_mounts/~1home~1ray~1dist", DELETE),
    (check_start_commands, "head_start_ray_commands/0", DELETE),
    (check_start_commands, "worker_start_ray_commands/0", DELETE),
    (check_start_commands, "head_start_ray_commands/1", lambda c: c.replace(" --autoscaling-config", " --x")),
    (check_start_commands, "head_start_ray_commands/1", lambda c: c + " --dashboard-host=0.0.0.0"),
    (check_start_commands, "worker_start_ray_commands/1", lambda c: c.replace("$RAY_HEAD_IP", "10.0.0.1")),
    (
        check_token_authentication,
        "head_start_ray_commands/1",
        lambda c: c.replace("RAY_AUTH_MODE=token ", ""),
    ),
    (check_token_authentication, "worker_start_ray_commands/1", lambda c: c.replace("=token", "=disabled")),
    (check_token_authentication, "docker/run_options", []),
    (check_token_authentication, "file_mounts/~1home~1ray~1.ray~1auth_token", DELETE),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_cluster_yaml_passes(check: Callable[[Config], None]) -> None:
    check(copy.deepcopy(RAW))


@pytest.mark.parametrize(
    ("check", "path", "value"), MUTATIONS, ids=lambda item: getattr(item, "__name__", None)
)
def test_mutation_is_caught(check: Callable[[Config], None], path: str, value: Any) -> None:
    config = copy.deepcopy(RAW)
    edit(path, value)(config)
    assert config != RAW
    with pytest.raises(Exception) as caught:
        check(config)
    assert not isinstance(caught.value, (NameError, ImportError, TypeError))


def test_every_check_is_shown_to_fail() -> None:
    assert {check for check, _, _ in MUTATIONS} == set(CHECKS)


def test_the_check_before_a_run_accepts_the_file() -> None:
    offers = session.offers_of_config(ROOT / "cluster.yaml")
    assert session.offers_cpu_pool(offers)
    shapes = [{name: float(value) for name, value in demand.items()} for demand in DEMANDS]
    assert session.check_fits(shapes, offers, complete=True) == []
    with pytest.raises(InputError, match="8 GPU"):
        session.check_fits([{"CPU": 1.0, "GPU": 8.0}], offers, complete=True)
